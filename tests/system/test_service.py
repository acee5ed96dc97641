#!/usr/bin/python3
"""The running service: its HTTP endpoints and inputs and outputs other than the main job's."""

import json
import signal
import threading
import time
import unittest

import harness
from destination import Destination, problem
from harness import SystemTest, free_port, get, post, run, wait_until
from otlp import Load, Sender, access_log_export


class Endpoints(SystemTest):
    def test_endpoints(self):
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            Load(collector.grpc_port, 3, 100, senders=1).start().join(20)
            self.assertEqual(get(collector.endpoint("/ping")), (200, "pong"))
            status, text = get(collector.endpoint("/version"))
            self.assertEqual((status, sorted(json.loads(text))), (200, ["built", "version"]))
            status, text = get(collector.endpoint("/endpoints"))
            self.assertLessEqual({"/ping", "/ready", "/version", "/metrics", "/stats"},
                                 set(json.loads(text)))
            self.assertEqual(get(collector.endpoint("/nothing"))[0], 404)
            self.assertEqual(get(collector.endpoint("/debug/pprof/"))[0], 404, "only when asked")
            self.assertEqual(get(collector.endpoint("/benthos/ping"))[0], 200)
            self.check_metrics(collector)

    def check_metrics(self, collector):
        """Names, labels and values as the dashboards people have expect them."""
        output, mapping = "root.output.drop_on.output", "root.pipeline.processors.0"
        archive = output + ".batching.processors.1"
        for name, path, value in (
                ("input_received", "root.input", 300), ("input_connection_up", "root.input", 1),
                ("input_latency_ns_count", "root.input", 3),
                ("processor_received", mapping, 300), ("processor_sent", mapping, 300),
                ("processor_batch_received", mapping, 3), ("processor_error", mapping, 0),
                ("processor_received", archive, 300), ("processor_sent", archive, 3),
                ("openmeter_events_sent", output + ".batching.processors.0", 300),
                ("output_sent", output, 3), ("output_batch_sent", output, 3),
                ("output_error", output, 0), ("output_connection_up", output, 1),
                ("http_request_code_2xx", output, 3)):
            with self.subTest(name, path=path):
                self.assertEqual(collector.metric(name, path=path, label=""), value)
        self.assertEqual(collector.metric("batch_created", mechanism="count",
                                          path=output + ".batching"), 3)

    def test_metrics_are_well_formed(self):
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            Load(collector.grpc_port, 1, 10, senders=1).start().join(20)
            _, page = get(collector.endpoint("/metrics"))
            typed, series = set(), set()
            for line in page.splitlines():
                if line.startswith("# TYPE"):
                    self.assertNotIn(line.split()[2], typed, "one TYPE line a metric")
                    typed.add(line.split()[2])
                elif not line.startswith("#"):
                    key = line.rsplit(" ", 1)[0]
                    self.assertNotIn(key, series, "a series twice")
                    series.add(key)
                    float(line.rsplit(" ", 1)[1])
            self.assertTrue(typed)

    def test_ready_follows_progress(self):
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            destination.stop()
            load = Load(collector.grpc_port, 3, 100, senders=3).start()
            wait_until(lambda: collector.metric("output_error") > 0, 15, "a failed delivery")
            destination.start()
            load.join(30)
            wait_until(lambda: collector.ready()[0] == 200, 10, "ready again")
            self.assert_complete(load, destination)

    def test_two_on_one_port(self):
        with Destination(free_port()) as destination:
            first = self.page_collector(destination)
            second = self.page_collector(destination, ready=False, grpc_port=first.grpc_port)
            self.assertNotEqual(second.wait(10), 0)
            self.assertTrue(second.log_lines("address already in use", str(first.grpc_port)),
                            second.log())
            self.assertTrue(first.alive())

    def test_a_token_on_the_input(self):
        with Destination(free_port()) as destination:
            port = free_port()
            config = harness.quick_page(port).replace(
                "  otel_log:\n", "  otel_log:\n    auth_token: hush-5711\n")
            collector = self.collector(config, url=destination.url, grpc_port=port)
            with Sender(port) as sender:
                self.assertEqual(sender.send_once(access_log_export([1])).status.name,
                                 "UNAUTHENTICATED")
                sender.metadata = (("authorization", "Bearer hush-5712"),)
                self.assertEqual(sender.send_once(access_log_export([1])).status.name,
                                 "UNAUTHENTICATED")
                sender.metadata = (("authorization", "Bearer hush-5711"),)
                self.assertTrue(sender.send_once(access_log_export([1])).ok)
            self.assertNotIn("hush-57", collector.log())


HTTP_IN = """
input:
  http_server:
    address: 127.0.0.1:%(port)d
    path: /post
    sync_response:
      status: ${! meta("code").or("200") }
pipeline:
  processors:
    - mapping: |
        root = this
        root.seen = true
        meta code = "201"
output:
  broker:
    pattern: fan_out
    outputs:
      - sync_response: {}
      - file:
          path: out.jsonl
          codec: lines
"""

FILES = """
input:
  file:
    paths: [in/*.jsonl]
    scanner:
      lines: {}
pipeline:
  processors:
    - mapping: |
        root = this
        root.double = this.n * 2
output:
  file:
    path: out.jsonl
    codec: lines
"""

FORWARD = """
input:
  generate:
    count: 500
    interval: ""
    batch_size: 50
    mapping: |
      let n = counter(min: 0)
      root.record.attributes = {"time": "2025-10-09T08:00:00Z", "subject": "customer-%%d".format($n %% 17),
        "method": "GET", "path": "/items/%%d".format($n), "region": "r", "zone": "z", "duration": 5}
output:
  otel_log:
    address: 127.0.0.1:%(port)d
"""


class Components(SystemTest):
    def test_http_server_to_file(self):
        port = free_port()
        collector = self.collector(HTTP_IN % {"port": port})
        url = "http://127.0.0.1:%d/post" % port
        for n in range(20):
            status, body = post(url, json.dumps({"n": n}).encode())
            self.assertEqual((status, json.loads(body)), (201, {"n": n, "seen": True}))
        self.assertEqual(get(url)[0], 405)
        self.assertEqual(get("http://127.0.0.1:%d/other" % port)[0], 404)
        self.assertEqual(collector.stop(), 0)
        lines = [json.loads(line) for line in open(self.directory + "/out.jsonl")]
        self.assertEqual(lines, [{"n": n, "seen": True} for n in range(20)])

    def test_file_to_file(self):
        for number in range(3):
            self.write("in/%d.jsonl" % number, "".join(
                '{"n":%d}\n' % n for n in range(number * 100, number * 100 + 100)))
        path = self.write("files.yaml", FILES)
        done = run("run", "-s", "http.enabled=false", path, cwd=self.directory)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in open(self.directory + "/out.jsonl")]
        self.assertEqual(sorted(line["n"] for line in lines), list(range(300)))
        self.assertTrue(all(line["double"] == 2 * line["n"] for line in lines))

    def test_generate_at_an_interval_until_stopped(self):
        collector = self.collector("""
input:
  generate: {mapping: 'root.n = counter()', interval: 50ms}
output:
  file: {path: out.jsonl, codec: lines}
""")
        wait_until(lambda: collector.metric("output_sent") >= 5, 10, "five messages")
        self.assertEqual(collector.stop(10), 0)
        numbers = [json.loads(line)["n"] for line in open(self.directory + "/out.jsonl")]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_what_has_series(self):
        """Components that only pass on what their children do have none, as in the incumbent."""
        collector = self.collector("""
input:
  broker:
    inputs:
      - generate: {mapping: 'root.n = counter()', count: 2, batch_size: 2, interval: ""}
      - sequence: {inputs: [{generate: {mapping: 'root.n = 3', count: 1, interval: ""}}]}
      - generate: {mapping: 'root.n = 4', interval: 1h}
pipeline:
  threads: 1
  processors:
    - noop: {}
    - metric: {type: counter, name: quiet, value: '${! throw("never") }'}
    - try:
        - mapping: 'root = if this.n == 3 { throw("three") }'
    - catch: []
    - branch:
        request_map: 'root = if this.n == 1 { throw("one") } else { this }'
        processors: [{mapping: 'root = if this.n == 2 { throw("two") }'}]
    - catch: []
output:
  reject_errored:
    broker:
      outputs:
        - drop_on: {error: true, output: {file: {path: out.jsonl}}}
      pattern: fan_out_fail_fast
""")
        child = "root.output.reject_errored.broker.outputs.0.drop_on.output"
        wait_until(lambda: collector.metric("output_sent", path=child) >= 4, 10, "four messages")
        series = collector.series()
        paths = {name: {labels["path"] for known, labels, _ in series if known == name}
                 for name in ("input_received", "processor_received", "output_sent",
                              "output_rejected")}
        first = "root.input.broker.inputs."
        self.assertEqual(paths["input_received"],
                         {first + "0", first + "1.sequence", first + "2"})
        step = "root.pipeline.processors."
        self.assertEqual(paths["processor_received"],
                         {step + "2", step + "2.try.0", step + "3", step + "4",
                          step + "4.branch.processors.0", step + "5"})
        self.assertEqual(paths["output_sent"], {child})
        self.assertEqual(paths["output_rejected"], {child})
        self.assertIn(("quiet", 0), [(name, value) for name, _, value in series],
                      "shown before it counts")
        for path, errors in (("2", 0), ("2.try.0", 1), ("3", 0), ("4", 1),
                             ("4.branch.processors.0", 1)):
            with self.subTest(path):
                self.assertEqual(collector.metric("processor_error", path=step + path), errors)

    def test_a_processor_that_waits_does_not_outlast_the_shutdown_timeout(self):
        for processor in ("sleep: {duration: 1h}", "rate_limit: {resource: slow}",
                          "retry: {backoff: {initial_interval: 1h, max_interval: 1h, "
                          "max_elapsed_time: 0s}, processors: [{mapping: 'root = throw(\"x\")'}]}",
                          "command: {name: sleep, args_mapping: '[\"3600\"]'}"):
            with self.subTest(processor):
                collector = self.collector("""
input:
  generate: {mapping: 'root = "x"', interval: 10ms}
pipeline: {threads: 1, processors: [{%s}]}
output: {drop: {}}
shutdown_timeout: 1s
rate_limit_resources:
  - {label: slow, local: {count: 1, interval: 1h}}
""" % processor)
                wait_until(lambda: collector.metric("processor_received") >= 1, 10, "a message")
                time.sleep(0.5)
                self.assertEqual(collector.stop(15), 1, "what was under way is not delivered")

    def test_forwarder_to_collector(self):
        """Our own OTLP output into our own OTLP input."""
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            path = self.write("forward.yaml", FORWARD % {"port": collector.grpc_port})
            done = run("run", "-s", "http.enabled=false", path, cwd=self.directory)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(destination.events), 500, done.stderr)
            self.assertEqual(destination.arrived(), set(range(500)))

    def test_unhandled_mapping_errors_are_logged_and_counted(self):
        with Destination(free_port()) as destination:
            port = free_port()
            config = harness.quick_page(port).replace(
                '"subject": this.record.attributes.subject',
                '"subject": this.record.attributes.subject.uppercase().number()')
            collector = self.collector(config, url=destination.url, grpc_port=port)
            with Sender(port, timeout=3) as sender:
                sender.send_once(access_log_export([1]))
            self.assertEqual(collector.metric("processor_error"), 1)
            self.assertTrue(collector.log_lines("level=error", "failed assignment (line 1)"))


if __name__ == "__main__":
    harness.main()
