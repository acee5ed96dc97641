#!/usr/bin/python3
"""`tollgate sandbox` as the destination: the ingest contract, and the page's YAML against it."""

import json
import unittest

import harness
from harness import SystemTest, free_port, get, post, wait_until
from otlp import Load


class Sandbox(SystemTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.log = open(self.directory + "/sandbox.log", "wb")
        self.addCleanup(self.log.close)
        self.process = harness.start_program(
            ["sandbox", "--listen", "127.0.0.1:%d" % self.port, "--db",
             self.directory + "/sandbox.db"], stdout=self.log, stderr=self.log,
            env=harness.clean_environment())
        self.addCleanup(self.end)
        wait_until(lambda: get(self.url + "/")[0] in (200, 404), 10, "the sandbox")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def event(self, **changes):
        return {"specversion": "1.0", "id": "e1", "source": "s", "type": "t", "subject": "c",
                "time": "2025-10-09T08:00:00Z", "data": {"a": 1}, **changes}

    def test_contract_of_the_ingest_api(self):
        batch = {"Content-Type": "application/cloudevents-batch+json"}
        single = {"Content-Type": "application/cloudevents+json"}
        either = {"Content-Type": "application/json"}
        for path, taken in (("/api/v1/events", 204), ("/v3/openmeter/events", 202)):
            for headers, body, expected in (
                    (batch, [self.event(), self.event(id="e2")], taken),
                    (single, self.event(id="e3"), taken),
                    (either, self.event(id="e3"), taken),
                    (either, [self.event(id="e4")], taken),
                    (single, self.event(id=""), 400),
                    (batch, [self.event(id="e5"), self.event(subject="")], 400),
                    (either, {"specversion": "1.0"}, 400)):
                with self.subTest(path=path, body=body):
                    status, text = post(self.url + path, json.dumps(body).encode(), headers)
                    self.assertEqual(status, expected, text)
            self.assertEqual(post(self.url + path, b"{not json", either)[0], 400)

    def test_the_page_against_the_sandbox(self):
        port = free_port()
        collector = self.collector(harness.quick_page(port), url=self.url, grpc_port=port)
        load = Load(port, 50, 100, senders=8).start().join(60)
        self.assertEqual(len(load.acked()), 5000, load.statuses())
        self.assertEqual(collector.metric("openmeter_events_sent"), 5000)
        _, text = get(self.url + "/api/v1/meters")
        self.assertTrue(json.loads(text), "a meter to begin with")


if __name__ == "__main__":
    harness.main()
