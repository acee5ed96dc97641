#!/usr/bin/python3
"""Many small senders at once, and a real OpenTelemetry SDK, with and without gzip."""

import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

import grpc

import harness
from destination import Action, Destination
from harness import HERE, SystemTest, free_port, page_config
from otlp import Load, Sender, access_log_export, attributes_of


class Senders(SystemTest):
    SENDERS, EXPORTS = 64, 1024

    def one_record_exports(self, period, seconds):
        with Destination(free_port()) as destination:
            port = free_port()
            collector = self.collector(page_config(port, period=period), url=destination.url,
                                       grpc_port=port)
            load = Load(port, self.EXPORTS, 1, senders=self.SENDERS, timeout=30)
            load.start().join(seconds * 2)
            self.assert_complete(load, destination)
            self.assertEqual(load.statuses(), {"OK": self.EXPORTS}, load.reasons())
            self.assertLess(load.seconds, seconds * harness.patience)
            # Coalesced: a request holds the records of many senders.
            self.assertLess(destination.request_count(), self.EXPORTS / 8)
            self.assert_ledger(collector, delivered=self.EXPORTS)

    def test_sixty_four_senders_of_one_record_with_the_page_as_it_is(self):
        self.one_record_exports("1s", 40)

    def test_sixty_four_senders_of_one_record_with_a_short_period(self):
        self.one_record_exports("100ms", 8)

    def test_a_slow_destination_answers_many_requests_at_once(self):
        with Destination(free_port(), lambda request: Action(delay=1.0)) as destination:
            collector = self.page_collector(destination)
            load = Load(collector.grpc_port, 32, 100, senders=32).start().join(30)
            self.assert_complete(load, destination)
            self.assertLess(load.seconds, 10 * harness.patience,
                            "32 requests of a second each, max_in_flight 64")

    def test_gzip(self):
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            load = Load(collector.grpc_port, 20, 100, senders=4,
                        compression=grpc.Compression.Gzip).start().join(30)
            self.assert_complete(load, destination)

    def test_an_empty_export_is_a_success(self):
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            with Sender(collector.grpc_port) as sender:
                self.assertTrue(sender.send_once(b"").ok)
                self.assertTrue(sender.send_once(access_log_export([])).ok)
                self.assertTrue(sender.send_once(access_log_export([1])).ok)

    def test_equal_records_without_a_fine_timestamp_are_two_uses(self):
        request = access_log_export([7, 7], fine_time=False)
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            with Sender(collector.grpc_port) as sender:
                self.assertTrue(sender.send_once(request).ok)
                self.assertTrue(sender.send_once(request).ok)
            self.assertEqual(len(destination.events), 4)
            self.assertEqual(collector.metric("input_records_without_stable_id"), 4)

    def test_a_resent_export_gives_the_same_ids(self):
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            with Sender(collector.grpc_port) as sender:
                self.assertTrue(sender.send_once(access_log_export(range(50))).ok)
                # As a forwarder that batches differently after its own restart.
                self.assertTrue(sender.send_once(access_log_export(range(25, 50))).ok)
                self.assertTrue(sender.send_once(access_log_export(range(0, 25))).ok)
            self.assertEqual(len(destination.events), 50)
            self.assertEqual(destination.doubled(), {})


class OpenTelemetrySdk(SystemTest):
    """Skipped only where there is no Node.js; a failed installation is a failure."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("node") or not shutil.which("npm"):
            raise unittest.SkipTest("no Node.js here")
        version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
        if int(re.match(r"v(\d+)", version)[1]) < 18:
            raise unittest.SkipTest("Node.js %s is older than 18" % version.strip())
        build = Path(os.environ.get("TOLLGATE_TEST_BUILD_DIR", Path(harness.binary).parent))
        cls.home = build / "otel_sdk"
        cls.install()

    @classmethod
    def install(cls):
        stamp = cls.home / "node_modules" / ".installed-lock.json"
        lock = (HERE / "otel_sdk" / "package-lock.json").read_text()
        cls.home.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "otel_sdk" / "send.js", cls.home)
        if stamp.exists() and stamp.read_text() == lock:
            return
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "otel_sdk" / name, cls.home)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                              cwd=cls.home, capture_output=True, text=True, timeout=180)
        if done.returncode != 0:
            raise AssertionError("npm ci: " + done.stdout + done.stderr)
        stamp.write_text(lock)

    def send(self, compression):
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            done = subprocess.run(
                ["node", "send.js", "127.0.0.1:%d" % collector.grpc_port, "10", "100", "0",
                 compression], cwd=self.home, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            counts = json.loads(done.stdout)
            self.assertEqual(counts["done"], 1000, counts)
            self.assertEqual(destination.arrived(), set(range(1000)))
            self.assertEqual(len(destination.events), 1000)
            for event in destination.events.values():
                number = int(event["data"]["path"].split("/")[2])
                self.assertEqual(event["subject"], attributes_of(number)["subject"])
                self.assertEqual(event["data"]["duration_ms"], number % 1000)

    def test_sdk_plain(self):
        self.send("none")

    def test_sdk_gzip(self):
        self.send("gzip")


if __name__ == "__main__":
    harness.main()
