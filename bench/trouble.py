#!/usr/bin/python3
"""What trouble of the destination costs: prints events a second while each third request fails, and
the time to drain a million events that gathered in a journal during an outage.

    bench/trouble.py BUILD_DIRECTORY [--events N]
"""

import argparse
import json
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "examples" / "page" / "collector.yaml"
JOURNAL = "buffer:\n  journal:\n    path: %s\n    max_bytes: 8589934592\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    def __init__(self, build, directory):
        self.build, self.directory = Path(build), Path(directory)
        self.grpc, self.http, self.sink_port = free_port(), free_port(), free_port()

    def sink(self, *arguments):
        return subprocess.Popen([self.build / "bench" / "http_sink", str(self.sink_port),
                                 *arguments], stdout=subprocess.PIPE, text=True)

    def collector(self, prefix="", **values):
        text = prefix + PAGE.read_text().replace("127.0.0.1:4317", "127.0.0.1:%d" % self.grpc)
        for key, value in values.items():
            text = re.sub(r"(?m)^(\s*%s:) .*$" % key, r"\g<1> %s" % value, text)
        path = self.directory / "collector.yaml"
        path.write_text(text)
        program = subprocess.Popen(
            [self.build / "tollgate", "run", "-s", "http.address=127.0.0.1:%d" % self.http,
             "-s", "logger.level=OFF", path],
            env={"OPENMETER_URL": "http://127.0.0.1:%d" % self.sink_port, "PATH": "/usr/bin"})
        while True:
            try:
                self.metric("ledger_received")
                return program
            except OSError:
                time.sleep(0.05)

    def metric(self, name):
        page = urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.http).read().decode()
        return int(float(re.search(r"(?m)^%s(?:\{.*\})? (\S+)" % name, page)[1]))

    def load(self, *arguments):
        done = subprocess.run([self.build / "bench" / "otlp_load", "127.0.0.1:%d" % self.grpc,
                               *map(str, arguments)], capture_output=True, text=True)
        return json.loads(done.stdout)


def end(process):
    process.send_signal(signal.SIGTERM)
    return process.communicate()[0]


def each_third_fails(build, directory):
    bench = Bench(build, directory)
    sink = bench.sink("--fail-every", "3")
    collector = bench.collector(retry_period="1s")
    sent = bench.load("--records", 100, "--connections", 8, "--in-flight", 1024, "--seconds", 15)
    end(collector)
    took = json.loads(end(sink))
    print("each third request fails, retry_period 1s: %d events a second; %d requests; %s" % (
        sent["statuses"].get("OK", sent["statuses"].get("0", 0)) * 100 / sent["seconds"],
        took["requests"], sent["statuses"]))


def drain(build, directory, events):
    bench = Bench(build, directory)
    collector = bench.collector(JOURNAL % (Path(directory) / "journal"), retry_period="1s",
                                max_retry_backoff="2s")
    sent = bench.load("--records", 500, "--connections", 4, "--in-flight", 8, "--exports",
                      events // 500)
    begun = time.monotonic()
    sink = bench.sink()
    while bench.metric("ledger_delivered") < events:
        time.sleep(0.05)
    seconds = time.monotonic() - begun
    end(collector)
    took = json.loads(end(sink))
    print("an outage, %d events in the journal (taken in %.1f s): drained in %.1f s after the "
          "destination came back; it counted %d" % (events, sent["seconds"], seconds, took["events"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    for run in (each_third_fails, lambda *where: drain(*where, options.events)):
        with tempfile.TemporaryDirectory(prefix="tollgate-trouble-") as directory:
            run(options.build, directory)


if __name__ == "__main__":
    main()
