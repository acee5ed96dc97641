#!/usr/bin/python3
"""SIGTERM in the middle of load: nothing acked is lost, senders go elsewhere, nothing doubles."""

import signal
import threading
import time
import unittest

import harness
from destination import Action, Destination
from harness import SystemTest, free_port, wait_until
from otlp import Load, Sender, access_log_export


class Shutdown(SystemTest):
    def test_sigterm_in_the_middle_of_load(self):
        # Each request takes a while, so that the signal finds many under way.
        with Destination(free_port(), lambda request: Action(delay=0.05)) as destination:
            first = self.page_collector(destination)
            load = Load(first.grpc_port, 300, 50, senders=16).start()
            wait_until(lambda: load.answered > 60, 20, "60 exports answered")
            second = self.page_collector(destination)
            first.signal(signal.SIGTERM)
            load.port = second.grpc_port
            self.assertEqual(first.wait(20), 0)
            load.join(60)
            self.assert_complete(load, destination)
            self.assertNotIn("INTERNAL", load.statuses())
            self.assertGreater(second.metric("input_received"), 0)
            self.assert_ledger(second)

    def test_a_partial_batch_is_flushed(self):
        with Destination(free_port()) as destination:
            # Without the signal the batch would wait for a minute.
            collector = self.page_collector(destination, period="60s")
            answers = []
            with Sender(collector.grpc_port) as sender:
                thread = threading.Thread(
                    target=lambda: answers.append(sender.send_once(access_log_export(range(5)))))
                thread.start()
                wait_until(lambda: collector.metric("input_received") == 5, 5, "5 received")
                self.assertEqual(collector.stop(10), 0)
                thread.join(5)
            self.assertTrue(answers and answers[0].ok, answers)
            self.assertEqual(len(destination.arrived()), 5)

    def test_what_cannot_be_delivered_is_told_to_be_sent_again(self):
        with Destination(free_port(), lambda request: Action(500, end="hang", delay=60)) as hung, \
                Destination(free_port()) as destination:
            # The destination's address is part of every identity, so the second instance is
            # given the same one, behind which another server stands by then.
            port = free_port()
            collector = self.page_collector(hung, grpc_port=port,
                                            arguments=["-s", "shutdown_timeout=1s"])
            answers = []
            with Sender(port) as sender:
                request = access_log_export(range(100))
                thread = threading.Thread(target=lambda: answers.append(sender.send_once(request)))
                thread.start()
                wait_until(lambda: hung.request_count() == 1, 5, "the request")
                begun = time.monotonic()
                collector.signal(signal.SIGTERM)
                code = collector.wait(15)
                self.assertLess(time.monotonic() - begun, 6 * harness.patience)
                thread.join(5)
            self.assertTrue(answers and answers[0].retryable, answers)
            self.assertNotEqual(code, 0, "records were left under way")
            self.assertTrue(collector.log_lines("level=error"), "the exit says why")

    def test_a_second_signal_exits_at_once(self):
        with Destination(free_port(), lambda request: Action(500, end="hang", delay=60)) as hung:
            collector = self.page_collector(hung, arguments=["-s", "shutdown_timeout=60s"])
            with Sender(collector.grpc_port, timeout=3) as sender:
                thread = threading.Thread(
                    target=lambda: sender.send_once(access_log_export(range(100))))
                thread.start()
                wait_until(lambda: hung.request_count() == 1, 5, "the request")
                collector.signal(signal.SIGTERM)
                collector.wait_log("the service is closing")
                self.assertTrue(collector.alive())
                begun = time.monotonic()
                collector.signal(signal.SIGTERM)
                self.assertNotEqual(collector.wait(5), 0)
                self.assertLess(time.monotonic() - begun, 2 * harness.patience)
                thread.join(5)

    def test_an_idle_collector_ends_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number.name), Destination(free_port()) as destination:
                collector = self.page_collector(destination)
                begun = time.monotonic()
                collector.signal(number)
                self.assertEqual(collector.wait(10), 0)
                self.assertLess(time.monotonic() - begun, 3 * harness.patience)

    def test_a_stopping_collector_refuses_new_exports_retryably(self):
        with Destination(free_port(), lambda request: Action(delay=2.0)) as destination:
            collector = self.page_collector(destination)
            with Sender(collector.grpc_port) as sender:
                answers = []
                thread = threading.Thread(
                    target=lambda: answers.append(sender.send_once(access_log_export(range(100)))))
                thread.start()
                wait_until(lambda: destination.request_count() == 1, 5, "the request")
                collector.signal(signal.SIGTERM)
                collector.wait_log("the service is closing")
                with Sender(collector.grpc_port, timeout=1) as late:
                    answer = late.send_once(access_log_export([1000]))
                self.assertTrue(answer.retryable, answer)
                self.assertEqual(collector.wait(10), 0)
                thread.join(5)
                self.assertTrue(answers and answers[0].ok, answers)


if __name__ == "__main__":
    harness.main()
