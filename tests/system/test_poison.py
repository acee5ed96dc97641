#!/usr/bin/python3
"""Events that the destination refuses: the culprits go, counted and logged; nobody else does."""

import json
import math
import re
import textwrap
import unittest

import harness
from destination import Destination, problem, refuses
from harness import SystemTest, free_port, wait_until
from otlp import Load, sequence_of


class Poison(SystemTest):
    def run_with_culprits(self, culprits, exports, status=400, senders=8, **values):
        seen = {}

        def is_poison(event):
            if sequence_of(event) in culprits:
                seen[sequence_of(event)] = event["id"]
                return True
            return False
        with Destination(free_port(), refuses(is_poison, status, "subject is not known")) as \
                destination:
            collector = self.page_collector(destination, **values)
            load = Load(collector.grpc_port, exports, 100, senders=senders).start()
            load.join(60)
            self.assert_complete(load, destination, culprits)
            self.assert_ledger(collector, delivered=exports * 100 - len(culprits),
                               dropped=len(culprits))
            for sequence, identity in seen.items():
                lines = collector.log_lines(identity)
                self.assertTrue(lines, "record %d, id %s is not in the log" % (sequence, identity))
            return load, destination, collector

    def test_one_in_a_thousand(self):
        culprits = {n for n in range(10000) if n % 1000 == 537}
        load, destination, collector = self.run_with_culprits(culprits, exports=100)
        self.assertEqual(load.statuses(), {"OK": 100}, load.reasons())
        self.assertEqual(destination.resent(), 0, "innocent events are sent once")
        self.assertEqual(collector.metric("openmeter_events_sent"), 9990)
        self.assertTrue(collector.log_lines("subject is not known"), "the server's reason")
        batches = collector.metric("output_batch_sent")
        bound = 10000 / 100 + 2 * len(culprits) * math.ceil(math.log2(100)) + 20
        self.assertLessEqual(destination.request_count(), bound, "batches: %d" % batches)

    def test_several_in_one_batch(self):
        self.run_with_culprits({3, 4, 50, 99}, exports=1)

    def test_a_batch_with_one_innocent(self):
        self.run_with_culprits(set(range(100)) - {42}, exports=1, senders=1)

    def test_one_culprit_alone_among_later_traffic(self):
        self.run_with_culprits({0, 777}, exports=20, count="1", senders=4)

    def test_statuses_that_name_the_content(self):
        for status in (413, 422):
            with self.subTest(status):
                culprits = {150}
                with Destination(free_port(), refuses(lambda e: sequence_of(e) in culprits, status)) \
                        as destination:
                    collector = self.page_collector(destination)
                    load = Load(collector.grpc_port, 3, 100, senders=3, give_up_after=3).start()
                    load.join(60)
                    self.assert_exact(load, destination, culprits)
                    self.assertEqual(destination.arrived(), set(range(300)) - culprits)
                    self.assertTrue(collector.alive())

    def test_too_large_batches_are_halved_and_delivered(self):
        def script(request):
            return problem(413, "too large") if len(request.events) > 30 else None
        with Destination(free_port(), script) as destination:
            collector = self.page_collector(destination)
            load = Load(collector.grpc_port, 20, 100, senders=4).start().join(60)
            self.assert_complete(load, destination)
            self.assert_ledger(collector, delivered=2000, dropped=0)
            self.assertEqual(destination.resent(), 0)

    def test_a_destination_that_refuses_everything_loses_nothing(self):
        for status in (400, 413):
            with self.subTest(status):
                repaired = []
                with Destination(free_port(), lambda _: None if repaired else
                                 problem(status, "wrong path")) as destination:
                    collector = self.page_collector(destination)
                    load = Load(collector.grpc_port, 10, 100, senders=10, timeout=6).start()
                    collector.wait_log("level=error", "wrong path", timeout=20)
                    self.assertEqual(load.acked(), set())
                    wait_until(lambda: collector.ready()[0] == 503, 5, "not ready")
                    # Each of the ten batches is taken apart once at most: 2n - 1 requests.
                    self.assertLess(destination.request_count(), 2000, "a brake")
                    repaired.append(True)
                    load.join(60)
                    self.assert_complete(load, destination)
                    wait_until(lambda: collector.ready()[0] == 200, 10, "ready again")
                    self.assert_ledger(collector, dropped=0)

    def test_a_moment_of_refusing_everything(self):
        """A gateway that is wrong for a moment makes no event guilty, though others are accepted
        soon after."""
        for status in (400, 413):
            for moment in (1, 20, 60, 150):
                with self.subTest(status=status, requests=moment):
                    script = lambda request: problem(status, "a moment") \
                        if request.number <= moment else None
                    with Destination(free_port(), script) as destination:
                        collector = self.page_collector(destination)
                        load = Load(collector.grpc_port, 3, 100, senders=3, timeout=6).start()
                        load.join(60)
                        self.assert_complete(load, destination)
                        self.assert_ledger(collector, dropped=0)

    def dead_letters(self, config, culprits, delivered):
        with Destination(free_port(), refuses(lambda e: sequence_of(e) in culprits, 400,
                                              "subject is not known")) as destination:
            port = free_port()
            collector = self.collector(config % {"port": port, "url": destination.url},
                                       grpc_port=port)
            load = Load(port, 5, 100, senders=5).start().join(60)
            self.assert_complete(load, destination, culprits)
            self.assert_ledger(collector, delivered=delivered, dead_lettered=500 - delivered)
            for identity in destination_ids(collector.log(), "The destination refused one event"):
                self.assertEqual(len(collector.log_lines(identity)), 1, "logged once")
            self.assertEqual(collector.stop(), 0)
            lines = open(self.directory + "/dead.jsonl").read().splitlines()
            return collector, [json.loads(line) for line in lines]

    def test_culprits_go_to_a_dead_letter_file(self):
        culprits = {11, 222}
        _, letters = self.dead_letters(FALLBACK, culprits, 498)
        self.assertEqual({sequence_of(letter) for letter in letters}, culprits)

    def test_the_dead_letter_field_of_http_client(self):
        culprits = {11, 12, 222}
        collector, letters = self.dead_letters(HTTP_CLIENT, culprits, 497)
        self.assertEqual({sequence_of(letter["event"]) for letter in letters}, culprits)
        for letter in letters:
            self.assertIn("subject is not known", letter["reason"])
        self.assertEqual(len(collector.log_lines("The destination refused one event")), 3)
        self.assertFalse(collector.log_lines("level=error"), "isolating is no error")

    def test_openmeter_refuses_what_is_no_event_before_it_is_sent(self):
        """Records 0 to 4 lose a field, 5 to 9 fail in the mapping."""
        collector, letters = self.dead_letters(OPENMETER, set(range(10)), 490)
        self.assertEqual(len(letters), 10)
        reasons = sorted(letter["reason"] for letter in letters)
        self.assertEqual(len([r for r in reasons if "not a valid event: 'subject'" in r]), 5)
        self.assertEqual(len([r for r in reasons if "its processing failed: failed assignment "
                                                    "(line 2)" in r]), 5, reasons)
        self.assertEqual(collector.log_lines("The destination refused"), [])


def destination_ids(log, message):
    return set(re.findall(r"%s.*?\bid=(\S+)" % re.escape(message), log))


MAPPING = """
input:
  otel_log:
    address: 127.0.0.1:%(port)d
pipeline:
  processors:
    - mapping: |
        root = {"id": uuid_v4(), "specversion": "1.0", "type": "t", "source": "s",
          "subject": this.record.attributes.subject,
          "data": {"path": this.record.attributes.path}}
"""

LETTERS = """
    dead_letter:
      processors:
        - mapping: 'root = {"event": this, "reason": meta("dead_letter_reason")}'
      file:
        path: dead.jsonl
        codec: lines
"""

CLIENT = """\
http_client:
  url: %(url)s/api/v1/events
  retry_period: 200ms
  drop_on: [400]
  batching:
    count: 100
    period: 100ms
    processors:
      - archive: {format: json_array}
"""

HTTP_CLIENT = MAPPING + "output:\n" + textwrap.indent(CLIENT, "  ") + LETTERS

OPENMETER = MAPPING.replace("        root = {", """\
        let number = this.record.attributes.path.split("/").index(2).number()
        let tariff = if $number >= 5 && $number < 10 { throw("no such tariff") } else { "flat" }
        root = {""") + """\
    - mutation: |
        let path = this.data.path | "/u/99"
        root.subject = if $path.split("/").index(2).number() < 5 { deleted() }
output:
  openmeter:
    url: %(url)s
    batching:
      count: 100
      period: 100ms
""" + LETTERS

FALLBACK = MAPPING + "output:\n  fallback:\n    -\n" + textwrap.indent(CLIENT, "      ") + """\
    - file:
        path: dead.jsonl
        codec: lines
"""

if __name__ == "__main__":
    harness.main()
