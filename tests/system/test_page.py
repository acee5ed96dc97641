#!/usr/bin/python3
"""The page's YAML, byte for byte, against a destination: every event counted, every field checked."""

import re
import unittest
from collections import Counter

import harness
from destination import Destination
from harness import SystemTest, free_port, page_config
from otlp import Load, attributes_of, sequence_of

EXPORTS, RECORDS = 50, 100
UUID_4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def expected_event(sequence, identity):
    attributes = attributes_of(sequence)
    return {
        "id": identity, "specversion": "1.0", "type": "api-calls", "source": "otlp-log",
        "time": attributes["time"], "subject": attributes["subject"],
        "data": {"method": attributes["method"], "path": attributes["path"],
                 "region": attributes["region"], "zone": attributes["zone"],
                 "duration_ms": attributes["duration"]},
    }


class Page(SystemTest):
    def run_page(self, url):
        """The file as it is. Its port is moved only where somebody else has it."""
        if harness.port_is_free(4317):
            return self.collector(harness.PAGE, url=url, grpc_port=4317)
        port = free_port()
        return self.collector(harness.PAGE, url=url, grpc_port=port, arguments=[
            "-s", "input.otel_log.address=127.0.0.1:%d" % port])

    def test_lint_warns_and_passes(self):
        done = harness.run("lint", harness.PAGE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        text = harness.PAGE.read_text().splitlines()
        printed = done.stdout + done.stderr
        line = next(i for i, each in enumerate(text, 1) if each == "  output:")
        self.assertIn("(%d," % line, printed, "the line of the misplaced output")
        self.assertIn("drop_on", printed)
        line = next(i for i, each in enumerate(text, 1) if "Authorization" in each)
        self.assertIn("(%d," % line, printed, "the line of the token without braces")
        self.assertIn("KONNECT_SYSTEM_ACCESS_TOKEN", printed)

    def test_echo_prints_the_corrected_form(self):
        done = harness.run("echo", harness.PAGE)
        self.assertEqual(done.returncode, 0, done.stderr)
        indents = {name: re.search(r"(?m)^( *)%s:" % name, done.stdout)[1]
                   for name in ("drop_on", "http_client")}
        self.assertGreater(len(indents["http_client"]), len(indents["drop_on"]))
        path = self.write("echoed.yaml", done.stdout)
        again = harness.run("lint", path)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(harness.run("echo", path).stdout, done.stdout)

    def test_five_thousand_events(self):
        with Destination(free_port()) as destination:
            collector = self.run_page(destination.url)
            load = Load(collector.grpc_port, EXPORTS, RECORDS, senders=8).start().join(60)
            self.assert_complete(load, destination)
            self.assertEqual(len(load.acked()), EXPORTS * RECORDS)
            self.assertEqual(load.statuses(), {"OK": EXPORTS}, load.reasons())
            self.check_events(destination)
            self.check_requests(destination)
            self.assertEqual(collector.metric("openmeter_events_sent"), EXPORTS * RECORDS)
            self.assertEqual(collector.metric("input_received"), EXPORTS * RECORDS)
            self.assert_ledger(collector, received=EXPORTS * RECORDS, delivered=EXPORTS * RECORDS)
            self.assertEqual(collector.stop(), 0)
            self.assertTrue(collector.log_lines("level=warn", "drop_on"), "the lint warning")

    def check_events(self, destination):
        self.assertEqual(len(destination.events), EXPORTS * RECORDS, "distinct ids")
        self.assertEqual(destination.resent(), 0)
        for identity, event in destination.events.items():
            self.assertRegex(identity, UUID_4)
            self.assertEqual(event, expected_event(sequence_of(event), identity))

    def check_requests(self, destination):
        sizes = Counter(len(request.events) for request in destination.requests)
        self.assertLessEqual(max(sizes), 100, "batching.count")
        for request in destination.requests:
            self.assertEqual(request.path, "/v3/openmeter/events")
            self.assertEqual(request.headers["authorization"],
                             "Bearer $KONNECT_SYSTEM_ACCESS_TOKEN")
            self.assertEqual(request.headers["content-type"], "application/json")

    def test_dumped_requests_hide_the_token(self):
        secret = "kpat_5711_do_not_print"
        with Destination(free_port()) as destination:
            port = free_port()
            collector = self.collector(
                page_config(port, Authorization="'Bearer ${TOKEN}'", period="100ms"),
                url=destination.url, env={"TOKEN": secret}, grpc_port=port,
                arguments=["-s", "logger.level=DEBUG"])
            load = Load(port, 1, 3, senders=1).start().join(20)
            self.assert_complete(load, destination)
            (request,) = destination.requests
            self.assertEqual(request.headers["authorization"], "Bearer " + secret)
            dumped = collector.wait_log("level=debug", "/v3/openmeter/events")
            self.assertIn("REDACTED", " ".join(dumped).upper())
            collector.wait_log("level=debug", "202")
            self.assertEqual(collector.stop(), 0)
            self.assertNotIn(secret, collector.log())


if __name__ == "__main__":
    harness.main()
