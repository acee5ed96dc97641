#!/usr/bin/python3
"""Reloads under load: with every buffer nothing is lost or doubled; a bad file changes nothing."""

import signal
import socket
import unittest

import harness
from destination import Action, Destination
from harness import SystemTest, free_port, quick_page, wait_until
from otlp import Load, Sender, access_log_export

BUFFERS = {
    "none": "buffer:\n  none: {}\n",
    "memory": "buffer:\n  memory: {}\n",
    "memory_gathering": "buffer:\n  memory:\n    batch_policy: {enabled: true, count: 120, "
                        "period: 300ms}\n",
    "sqlite": "buffer:\n  sqlite: {path: ./buffer.db}\n",
    "journal": "buffer:\n  journal: {path: ./journal, segment_bytes: 65536}\n",
}


class Reload(SystemTest):
    def reloads(self, collector, words="Reload: the new configuration is in force"):
        return len(collector.log_lines(words))

    def shown(self, collector, form):
        status, text = harness.get(collector.endpoint("/debug/config/" + form))
        self.assertEqual(status, 200, text)
        return text

    def under_load(self, buffer):
        with Destination(free_port(), lambda _: Action(delay=0.01)) as destination:
            port = free_port()
            collector = self.collector(quick_page(port) + BUFFERS[buffer], url=destination.url,
                                       grpc_port=port, name=buffer)
            load = Load(port, 400, 50, senders=8).start()
            for number in range(1, 6):
                wait_until(lambda: load.answered > 60 * number, 30, "more answers")
                collector.signal(signal.SIGHUP)
                wait_until(lambda: self.reloads(collector) == number, 20, "a reload")
            load.join(60 * harness.patience)
            wait_until(lambda: load.offered() <= destination.arrived(), 20, "all arrived")
            self.assert_complete(load, destination)
            self.assertNotIn("INTERNAL", load.statuses())
            self.assertFalse(collector.log_lines("level=error"))
            self.assert_ledger(collector)
            self.assertEqual(collector.stop(), 0)

    def test_without_a_buffer(self):
        self.under_load("none")

    def test_with_a_memory_buffer(self):
        self.under_load("memory")

    def test_with_a_memory_buffer_that_gathers(self):
        self.under_load("memory_gathering")

    def test_with_sqlite(self):
        self.under_load("sqlite")

    def test_with_a_journal(self):
        self.under_load("journal")

    def test_what_was_not_delivered_goes_to_the_successor(self):
        """A destination that hangs: the new stream finds what the old one could not deliver."""
        for buffer in ("sqlite", "journal"):
            with self.subTest(buffer=buffer), Destination(free_port(), lambda _: Action(
                    500, end="hang", delay=60)) as destination:
                port = free_port()
                collector = self.collector(quick_page(port) + BUFFERS[buffer], url=destination.url,
                                           grpc_port=port, name="hung-" + buffer,
                                           arguments=["-s", "shutdown_timeout=1s"])
                with Sender(port) as sender:
                    for i in range(5):
                        answer = sender.send_once(access_log_export(range(i * 50, i * 50 + 50)))
                        self.assertTrue(answer.ok, answer)
                destination.wait_for(lambda d: d.request_count() > 0, 10, "a request")
                destination.script = None
                collector.signal(signal.SIGHUP)
                destination.wait_for(lambda d: len(d.arrived()) == 250, 30, "all records")
                self.assertEqual(destination.doubled(), {})
                self.assertEqual(collector.stop(), 0)

    def test_a_changed_file_is_watched(self):
        with Destination(free_port()) as destination:
            port, other = free_port(), free_port()
            collector = self.collector(quick_page(port) + BUFFERS["journal"], url=destination.url,
                                       grpc_port=port, name="watched",
                                       arguments=["-w", "-s", "http.debug_endpoints=true"])
            for form in ("json", "yaml"):
                self.assertIn("127.0.0.1:%d" % port, self.shown(collector, form))
            load = Load(port, 150, 20, senders=4).start()
            wait_until(lambda: load.answered > 20, 20, "answers")
            # The new address must be reachable, and nothing of the old one may stay.
            self.write("watched.yaml", quick_page(other, count="10") + BUFFERS["journal"])
            wait_until(lambda: self.reloads(collector) == 1, 20, "a reload")
            load.port = other
            load.join(60 * harness.patience)
            wait_until(lambda: load.offered() <= destination.arrived(), 20, "all arrived")
            self.assert_complete(load, destination)
            self.assertTrue(harness.port_is_free(port))
            for form in ("json", "yaml"):
                shown = self.shown(collector, form)
                self.assertIn("127.0.0.1:%d" % other, shown)
                self.assertNotIn("127.0.0.1:%d" % port, shown)

    def test_a_bad_file_changes_nothing(self):
        with Destination(free_port()) as destination:
            port = free_port()
            good = quick_page(port) + BUFFERS["journal"]
            collector = self.collector(good, url=destination.url, grpc_port=port, name="bad")
            load = Load(port, 200, 20, senders=4).start()
            bad_files = {
                "not YAML": "input: [", "a lint": good.replace("count: 100", "cuont: 100"),
                "a mapping": good.replace("uuid_v4()", "uuid_v5()"),
                "an unknown resource": good.replace(
                    "    - mapping:", "    - rate_limit: {resource: nowhere}\n    - mapping:", 1),
            }
            for number, (what, text) in enumerate(bad_files.items(), 1):
                with self.subTest(what):
                    self.write("bad.yaml", text)
                    collector.signal(signal.SIGHUP)
                    wait_until(lambda: self.reloads(
                        collector, "the configuration before stays in force") == number, 10,
                        "a refusal of " + what)
            load.join(60)
            wait_until(lambda: load.offered() <= destination.arrived(), 20, "all arrived")
            self.assert_complete(load, destination)
            self.assertEqual(set(load.statuses()), {"OK"}, "nobody noticed")

    def test_one_that_cannot_start_gives_way_to_the_one_before(self):
        with Destination(free_port()) as destination, socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = free_port()
            good = quick_page(port) + BUFFERS["journal"]
            collector = self.collector(good, url=destination.url, grpc_port=port, name="taken")
            load = Load(port, 200, 20, senders=4).start()
            wait_until(lambda: load.answered > 20, 20, "answers")
            self.write("taken.yaml", quick_page(taken.getsockname()[1]) + BUFFERS["journal"])
            collector.signal(signal.SIGHUP)
            collector.wait_log("starting the configuration before again", timeout=20)
            load.join(60 * harness.patience)
            wait_until(lambda: load.offered() <= destination.arrived(), 20, "all arrived")
            self.assert_complete(load, destination)

    def test_sigterm_while_reloading(self):
        with Destination(free_port(), lambda _: Action(delay=0.5)) as destination:
            port = free_port()
            collector = self.collector(quick_page(port) + BUFFERS["memory"], url=destination.url,
                                       grpc_port=port, name="both")
            load = Load(port, 40, 50, senders=4, give_up_after=0).start()
            wait_until(lambda: load.answered > 10, 20, "answers")
            collector.signal(signal.SIGHUP)
            collector.wait_log("Reloading")
            self.assertEqual(collector.stop(20), 0)
            load.join(30)
            self.assert_exact(load, destination)


if __name__ == "__main__":
    harness.main()
