"""What the benchmarks share: the documented configuration, and one measured run of a program between
the load generator and the sink. CPU time and memory are the program's own, read from /proc."""
import dataclasses
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

PAGE_MAPPING = """\
root = {
  "id": uuid_v4(),
  "specversion": "1.0",
  "type": "api-calls",
  "source": "otlp-log",
  "time": this.record.attributes.time,
  "subject": this.record.attributes.subject,
  "data": {
    "method": this.record.attributes.method,
    "path": this.record.attributes.path,
    "region": this.record.attributes.region,
    "zone": this.record.attributes.zone,
    "duration_ms": this.record.attributes.duration,
  },
}
"""

LONG_MAPPING = (ROOT / "bench" / "long_mapping.blobl").read_text()

CONFIG = """\
http: {{enabled: {http}, address: "127.0.0.1:{http_port}"}}
logger: {{level: WARN}}
input:
  otel_log:
    address: 127.0.0.1:{port}
pipeline:
  threads: {threads}
  processors:
    - mapping: |
{mapping}
output:
  label: openmeter
  drop_on:
    error: false
    error_patterns:
      - Bad Request
    output:
      http_client:
        url: http://127.0.0.1:{sink}/v3/openmeter/events
        verb: POST
        headers:
          Authorization: Bearer token
          Content-Type: application/json
        timeout: 30s
        retry_period: 15s
        retries: 3
        max_retry_backoff: 1m
        max_in_flight: 64
        batch_as_multipart: false
        drop_on:
          - 400
        batching:
          count: {count}
          period: 1s
          processors:
            - metric:
                type: counter
                name: openmeter_events_sent
                value: 1
            - archive:
                format: json_array
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """One load on one configuration. `rate` is exports a second, 0 for as many as are answered."""
    records: int = 512
    in_flight: int = 8
    connections: int = 2
    count: int = 100          # events an HTTP request
    threads: int = 1          # pipeline.threads
    attributes: int = 0       # beside the seven that the mapping reads
    body_bytes: int = 0       # beside the 21 of the log line
    rate: float = 0
    mapping: str = PAGE_MAPPING


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_listening(port, process, seconds=30):
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if process.poll() is not None:
            sys.exit(f"the program ended with {process.returncode} before it listened")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return time.monotonic() - begun
        time.sleep(0.001)
    sys.exit(f"nothing listens on port {port}")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid, key):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{key}:\s+(\d+)", text, re.M)[1]) / 1024


def write_config(path, case, port, sink):
    mapping = "".join(f"        {line}\n" for line in case.mapping.splitlines())
    path.write_text(CONFIG.format(port=port, sink=sink, http="false", http_port=free_port(),
                                  count=case.count, threads=case.threads, mapping=mapping))


def run_case(command, build, case, seconds):
    """Runs `command` ({config}, {port} and {sink} are filled in) under the case's load and returns
    its figures: rates per second of its CPU time, latencies in ms, memory in MiB."""
    port, sink_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "collector.yaml"
        write_config(config, case, port, sink_port)
        sink = subprocess.Popen([build / "bench" / "http_sink", str(sink_port)],
                                stdout=subprocess.PIPE, text=True)
        wait_listening(sink_port, sink)
        words = [word.format(config=config, port=port, sink=sink_port)
                 for word in shlex.split(command)]
        program = subprocess.Popen(words, stdout=sys.stderr, stderr=sys.stderr)
        try:
            startup = wait_listening(port, program)
            time.sleep(0.5)
            idle = memory_mib(program.pid, "VmRSS")
            before = cpu_seconds(program.pid)
            load = subprocess.run(
                [build / "bench" / "otlp_load", f"127.0.0.1:{port}",
                 "--records", str(case.records), "--in-flight", str(case.in_flight),
                 "--connections", str(case.connections), "--attributes", str(case.attributes),
                 "--bytes", str(case.body_bytes), "--rate", str(case.rate),
                 "--seconds", str(seconds)],
                capture_output=True, text=True, check=True)
            used = max(cpu_seconds(program.pid) - before, 0.01)
            peak = memory_mib(program.pid, "VmHWM")
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait(30)
            sink.send_signal(signal.SIGTERM)
        counted = json.loads(sink.communicate()[0].splitlines()[-1])
    answer = json.loads(load.stdout)
    if answer["statuses"].get("0", 0) != answer["exports"] or counted["events"] != answer["records"]:
        print(f"  warning: {answer['statuses']} of {answer['exports']} exports, "
              f"{counted['events']} of {answer['records']} events arrived", file=sys.stderr)
    return {"rate": answer["records"] / used, "exports_rate": answer["exports"] / used,
            "wall_rate": answer["records"] / answer["seconds"], "p50": answer["p50_ms"],
            "p99": answer["p99_ms"], "idle": idle, "peak": peak, "startup_ms": startup * 1000,
            "bytes_out": counted["bytes"] / max(counted["events"], 1)}


def limit_rate(build, seconds):
    """Events per CPU-second of the hard-coded loop."""
    text = subprocess.run([build / "bench" / "limit", "--seconds", str(seconds)],
                          capture_output=True, text=True, check=True).stdout
    return float(re.search(r"limit: (\d+)", text)[1])


def build_folder(path):
    return path if path.is_absolute() else ROOT / path


def machine():
    """The machine in a line, for the head of a table."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", info)
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    return (f"{os.cpu_count()} cores of {model[1] if model else os.uname().machine}, "
            f"{memory / 2**20:.0f} GiB, Linux {os.uname().release}")
