#!/usr/bin/python3
"""Trouble of the destination: nothing is lost, nothing is doubled, the process lives."""

import unittest
from collections import Counter
from email.utils import formatdate
import time

import harness
from destination import Action, Destination, every, problem
from harness import SystemTest, free_port, get, wait_until
from otlp import Load


class DestinationTrouble(SystemTest):
    EXPORTS = 60

    def check(self, script, exports=EXPORTS, senders=8, seconds=60, before_join=None, **values):
        with Destination(free_port(), script) as destination:
            collector = self.page_collector(destination, **values)
            load = Load(collector.grpc_port, exports, 100, senders=senders).start()
            if before_join:
                before_join(load, destination, collector)
            load.join(seconds)
            self.assert_complete(load, destination)
            self.assertTrue(collector.alive())
            # INTERNAL and the like tell OTLP clients to drop.
            self.assertLessEqual(set(load.statuses()), {"OK", "UNAVAILABLE", "DEADLINE_EXCEEDED",
                                                        "RESOURCE_EXHAUSTED"})
            self.assert_ledger(collector)
            self.assertEqual(collector.stop(), 0)
            return load, destination

    def test_each_third_request_fails(self):
        for status in (500, 502, 503, 504, 408):
            with self.subTest(status=status):
                self.check(every(3, problem(status, "try later")), exports=30)

    def test_each_third_request_is_throttled(self):
        self.check(every(3, Action(429, headers={"Retry-After": "1"})), exports=30)

    def test_retry_after_is_honoured(self):
        for kind in ("seconds", "date"):
            with self.subTest(kind):
                times = []

                def script(request):
                    times.append(time.monotonic())
                    if len(times) > 1:
                        return None
                    after = "2" if kind == "seconds" else formatdate(time.time() + 3, usegmt=True)
                    return Action(503, headers={"Retry-After": after})
                self.check(script, exports=1, max_retry_backoff="1m")
                self.assertGreater(times[1] - times[0], 1.5, "the wait that the server asked for")

    def test_a_request_in_backoff_stops_no_other(self):
        """`retry_period` of the page's order, each third request refused, and still quick."""
        load, destination = self.check(every(3, problem(500, "x")), exports=120, senders=32,
                                       retry_period="1s")
        self.assertLess(load.seconds, 15 * harness.patience)

    def test_resets_before_the_request_was_taken(self):
        self.check(every(3, Action(500, take=False, end="reset")), exports=30)

    def test_resets_after_the_request_was_taken(self):
        _, destination = self.check(every(3, Action(202, take=True, end="reset")), exports=30)
        self.assertGreater(destination.resent(), 0, "the fault did happen")

    def test_answers_cut_short(self):
        self.check(every(4, Action(202, take=True, end="truncate", body="{}")), exports=30)

    def test_failures_after_the_request_was_taken(self):
        self.check(every(3, Action(503, take=True)), exports=30)

    def test_a_hang_longer_than_the_senders_wait(self):
        """The destination takes 8 s for the first requests, senders wait 5 s and send again."""
        def script(request):
            return Action(delay=8.0) if request.number <= 4 else None
        with Destination(free_port(), script) as destination:
            collector = self.page_collector(destination)
            load = Load(collector.grpc_port, 30, 100, senders=8, timeout=5.0).start().join(60)
            self.assert_complete(load, destination)
            self.assertIn("DEADLINE_EXCEEDED", load.statuses())
            self.assertEqual(destination.resent(), 0, "resends join what is under way")
            self.assert_ledger(collector)

    def test_a_hang_longer_than_the_request_timeout(self):
        """The server takes what the client has given up waiting for."""
        def script(request):
            return Action(202, take=True, end="hang", delay=3.0) if request.number % 5 == 1 else None
        _, destination = self.check(script, exports=30, timeout="1s")

    def test_an_outage_longer_than_the_retries(self):
        states = []

        def outage(load, destination, collector):
            wait_until(lambda: load.answered > 10, 20, "10 answers")
            destination.stop()
            end = time.monotonic() + 4  # the retries take about one second
            while time.monotonic() < end:
                states.append(get(collector.endpoint("/ping"))[0])
                time.sleep(0.2)
            destination.start()
        load, _ = self.check(None, exports=1000, before_join=outage)
        self.assertEqual(set(states), {200}, "the process answers all the time")
        self.assertIn("UNAVAILABLE", load.statuses())

    def test_a_destination_that_is_not_there_yet(self):
        destination = Destination(free_port())
        self.addCleanup(destination.stop)
        collector = self.page_collector(destination, ready=False)
        harness.wait_until(lambda: get(collector.endpoint("/ping"))[0] == 200, 10, "/ping")
        load = Load(collector.grpc_port, 10, 100, senders=4).start()
        wait_until(lambda: collector.metric("output_error") > 0, 15, "a failed delivery")
        destination.start()
        load.join(60)
        self.assert_complete(load, destination)
        self.assertEqual(Counter(destination.arrivals.values()), {1: 1000})

    def test_wrong_credentials_lose_nothing(self):
        """401 to everything until somebody repairs the token."""
        repaired = []
        with Destination(free_port(), lambda _: None if repaired else problem(401, "who?")) as \
                destination:
            collector = self.page_collector(destination)
            load = Load(collector.grpc_port, 20, 100, senders=4).start()
            collector.wait_log("level=error", "401", timeout=20)
            self.assertEqual(load.acked(), set())
            repaired.append(True)
            load.join(60)
            self.assert_complete(load, destination)


if __name__ == "__main__":
    harness.main()
