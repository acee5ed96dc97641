#!/usr/bin/python3
"""A destination that takes nothing: senders are told to wait, memory stays bounded, all is
delivered in the end."""

import os
import unittest

import harness
from destination import Action, Destination
from harness import SystemTest, free_port, wait_until
from otlp import Load, Sender, access_log_export


class Memory(SystemTest):
    LIMIT = 64  # MiB
    # 200 MB are enough to go over the limit three times; TOLLGATE_TEST_OFFERED_MB=1000 for more.
    EXPORTS = int(os.environ.get("TOLLGATE_TEST_OFFERED_MB", "200")) // 2

    def limited(self):
        if "--memory-limit" not in harness.run("run", "--help").stdout:
            self.fail("run has no --memory-limit")
        return ["--memory-limit", "%dMiB" % self.LIMIT]

    def wait_full(self, collector):
        with Sender(collector.grpc_port) as sender:
            def refusal():
                answer = sender.send_once(access_log_export([1 << 20], "/" + "x" * 2_000_000),
                                          timeout=3)
                return answer if answer.status.name == "RESOURCE_EXHAUSTED" else None
            answer = wait_until(refusal, 30, "RESOURCE_EXHAUSTED")
        self.assertIsNotNone(answer.retry_after, "RetryInfo, or senders would drop")

    def assert_recovered(self, load, destination):
        """All arrived; beside it, maybe, what wait_full() sent."""
        self.assertLessEqual(load.offered(), destination.arrived())
        self.assertEqual(load.acked(), load.offered(), load.statuses())
        self.assertEqual(destination.doubled(), {})

    def test_a_dead_destination(self):
        destination = Destination(free_port())
        self.addCleanup(destination.stop)
        collector = self.page_collector(destination, ready=False, arguments=self.limited(),
                                        count="100", retries="1000")
        wait_until(lambda: harness.get(collector.endpoint("/ping"))[0] == 200, 10, "/ping")
        # Exports of 2 MB: 50 records of 40 kB.
        load = Load(collector.grpc_port, self.EXPORTS, 50, senders=32, padding="/" + "x" * 40000,
                    give_up_after=300, timeout=20, max_wait=0.5).start()
        self.wait_full(collector)
        self.assertEqual(load.acked(), set())
        destination.start()
        load.join(90)
        self.assert_recovered(load, destination)
        # The limit is of requests' bytes and what is made of them; the program itself comes on top.
        self.assert_memory_below(collector, self.LIMIT * 2.5 + 60)
        self.assert_ledger(collector)

    def test_a_destination_that_fails_most_requests(self):
        """Batches that wait for their next attempt make room for others, until what waits fills the
        memory."""
        limit, failing = 16, [True]
        script = lambda request: Action(500) if failing and request.number % 3 else None
        with Destination(free_port(), script) as destination:
            collector = self.page_collector(
                destination, arguments=["--memory-limit", "%dMiB" % limit], count="10",
                retries="1000", retry_period="6s", max_retry_backoff="6s")
            # Exports of 1 MB that become 100 batches each.
            load = Load(collector.grpc_port, 40, 1000, senders=32, padding="/" + "x" * 1000,
                        give_up_after=300, timeout=30, max_wait=0.5).start()
            self.wait_full(collector)
            self.assertGreater(collector.ledger()["pending"], 10 * 2 * 64, "more than the places")
            failing.clear()
            load.join(120 * harness.patience)
            self.assert_recovered(load, destination)
            self.assert_memory_below(collector, limit * 2.5 + 60)
            self.assert_ledger(collector)

    def test_many_small_exports(self):
        """The bound holds for exports whose bookkeeping outweighs their bytes."""
        destination = Destination(free_port())
        self.addCleanup(destination.stop)
        collector = self.page_collector(destination, ready=False, retries="1000")
        wait_until(lambda: harness.get(collector.endpoint("/ping"))[0] == 200, 10, "/ping")
        load = Load(collector.grpc_port, 1500, 1, senders=64, timeout=0.5, give_up_after=0).start()
        load.join(90)
        self.assertEqual(load.acked(), set())
        self.assert_memory_below(collector, 250)

    def test_idle(self):
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            if not harness.sanitized:
                self.assertLess(collector.rss_megabytes(), 40)


if __name__ == "__main__":
    harness.main()
