"""Runs the real program on free ports and waits for conditions, never for time alone.

A test program imports this, defines unittest cases and ends with `harness.main()`; it is given the
path of the program as first argument (or in TOLLGATE_BINARY), and names of tests after it.
"""

import atexit
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import otlp

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = ROOT / "examples" / "page" / "collector.yaml"

binary = None    # set by main()
sanitized = False
patience = 1.0   # factor on deadlines; instrumented programs and busy machines are slow


def free_port():
    """A port below the ephemeral range, where no connection of this machine takes it first."""
    for _ in range(200):
        port = random.randrange(10000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def wait_until(condition, timeout, what, interval=0.02):
    """Returns the first true value of `condition`; fails naming `what` after `timeout` seconds."""
    end = time.monotonic() + timeout * patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("%s: not so after %gs" % (what, timeout * patience))
        time.sleep(interval)


def get(url, timeout=5):
    """Status and text of a GET; status 0 when there is no server."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def post(url, body, headers=None, timeout=10):
    request = urllib.request.Request(url, body, headers or {}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def run(*arguments, stdin="", env=None, cwd=None, timeout=60):
    """Runs a command of the program to its end."""
    return subprocess.run([binary, *map(str, arguments)], input=stdin, text=True, cwd=cwd,
                          capture_output=True, timeout=timeout * patience,
                          env=clean_environment(env))


def clean_environment(extra=None):
    """What the tests give the program: nothing of the caller's but what it takes to run."""
    keep = {k: v for k, v in os.environ.items()
            if k in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH") or k.endswith("SAN_OPTIONS")}
    return {**keep, "TZ": "UTC", **(extra or {})}


def page_config(grpc_port=None, **values):
    """The page's YAML with values of its keys replaced, each of which stands there once."""
    text = PAGE.read_text()
    if grpc_port is not None:
        text = text.replace("127.0.0.1:4317", "127.0.0.1:%d" % grpc_port)
    for key, value in values.items():
        text, times = re.subn(r"(?m)^(\s*%s:) .*$" % key, r"\g<1> %s" % value, text)
        if times != 1:
            raise AssertionError("the page has %d lines with %s" % (times, key))
    return text


def quick_page(grpc_port, **values):
    """The page with waits that suit a test."""
    return page_config(grpc_port, **{"period": "100ms", "retry_period": "200ms",
                                     "max_retry_backoff": "1s", **values})


def start_program(arguments, program=None, **options):
    """Starts the program so that it does not outlive this process. Not by a function that runs
    between fork and exec: the gRPC library's threads would not survive it."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *(program or [binary]),
                             *map(str, arguments)],
                            stdin=subprocess.DEVNULL, **options)


class Collector:
    """One run of the program. `config` is YAML text or the path of a file."""

    _running = set()

    def __init__(self, directory, config, url=None, env=None, arguments=(), name="collector",
                 grpc_port=None, program=None):
        self.http_port = free_port()
        self.grpc_port = grpc_port
        path = Path(config) if isinstance(config, Path) else Path(directory) / (name + ".yaml")
        if not isinstance(config, Path):
            path.write_text(config)
        self.log_path = Path(directory) / (name + ".log")
        environment = clean_environment({**({"OPENMETER_URL": url} if url else {}), **(env or {})})
        with open(self.log_path, "ab") as log:
            self.process = start_program(
                ["run", "-s", "http.address=127.0.0.1:%d" % self.http_port, *arguments, path],
                program, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=directory)
        Collector._running.add(self)

    def wait_ready(self, timeout=10):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("the program ended with %d:\n%s" %
                                     (self.process.returncode, self.log()))
            return self.ready()[0] == 200
        try:
            wait_until(ready, timeout, "/ready")
        except AssertionError:
            print("--- log of %s\n%s" % (self.log_path, self.log()[-4000:]), file=sys.stderr)
            raise
        return self

    def ready(self):
        return get(self.endpoint("/ready"))

    def endpoint(self, path):
        return "http://127.0.0.1:%d%s" % (self.http_port, path)

    def alive(self):
        return self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_lines(self, *words):
        return [line for line in self.log().splitlines() if all(word in line for word in words)]

    def wait_log(self, *words, timeout=5):
        return wait_until(lambda: self.log_lines(*words), timeout, "a log line with %r" % (words,))

    def series(self):
        """All of /metrics at one moment: a list of (name, labels, value)."""
        status, page = get(self.endpoint("/metrics"))
        if status != 200:
            raise AssertionError("/metrics answers %d: %s" % (status, page))
        found = []
        for line in page.splitlines():
            match = re.match(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)", line)
            if match:
                labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                found.append((match[1], labels, float(match[3])))
        return found

    def metric(self, name, **labels):
        """The sum over all series of that name which have these labels; 0 if there is none."""
        return sum(value for each, have, value in self.series()
                   if each == name and labels.items() <= have.items())

    def ledger(self):
        """The terms of the ledger, all of one moment."""
        terms = {name[len("ledger_"):]: int(value) for name, _, value in self.series()
                 if name.startswith("ledger_")}
        if not terms:
            raise AssertionError("/metrics has no ledger")
        return terms

    def _status_kilobytes(self, key):
        text = Path("/proc/%d/status" % self.process.pid).read_text()
        return int(re.search(r"%s:\s+(\d+) kB" % key, text)[1])

    def rss_megabytes(self):
        return self._status_kilobytes("VmRSS") / 1024

    def peak_megabytes(self):
        return self._status_kilobytes("VmHWM") / 1024

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=30):
        code = self.process.wait(timeout * patience)
        Collector._running.discard(self)
        return code

    def stop(self, timeout=30):
        """SIGTERM and the exit code."""
        if self.alive():
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        if self.alive():
            self.process.kill()
        return self.wait()

    @classmethod
    def kill_all(cls):
        for collector in list(cls._running):
            collector.kill()


atexit.register(Collector.kill_all)


class SystemTest(unittest.TestCase):
    """Gives each test a directory and kills what it left running; shows logs of a failed test."""

    maxDiff = 2000

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="tollgate-system-")
        self.collectors = []
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.addCleanup(self._end)

    def _end(self):
        Collector.kill_all()
        outcome = getattr(self, "_outcome", None)
        failed = outcome is not None and any(
            case is self for case, _ in outcome.result.failures + outcome.result.errors)
        if failed:
            for collector in self.collectors:
                lines = collector.log().splitlines()
                print("--- %s: last of %d log lines\n%s" % (
                    collector.log_path.name, len(lines),
                    "\n".join(line[:400] for line in lines[-25:])), file=sys.stderr)

    def collector(self, config, ready=True, **options):
        options.setdefault("name", "collector%d" % len(self.collectors))
        started = Collector(self.directory, config, **options)
        self.collectors.append(started)
        return started.wait_ready() if ready else started

    def page_collector(self, destination, ready=True, name=None, grpc_port=None, url=None,
                       arguments=(), **values):
        """A collector with the page's configuration, its waits shortened."""
        port = grpc_port or free_port()
        options = {"name": name} if name else {}
        return self.collector(quick_page(port, **values), ready, url=url or destination.url,
                              grpc_port=port, arguments=arguments, **options)

    def write(self, name, text):
        path = Path(self.directory) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    # The audit

    def assert_exact(self, load, destination, culprits=frozenset()):
        """Everything acked arrived, once by id; nothing arrived that was not offered."""
        arrived = destination.arrived()
        doubled = destination.doubled()
        lost = load.acked() - arrived - set(culprits)
        self.assertFalse(lost, "acked and lost: %d records, such as %s" %
                         (len(lost), sorted(lost)[:5]))
        self.assertFalse(doubled, "doubled: %d records, such as %s" %
                         (len(doubled), sorted(doubled.items(), key=str)[:2]))
        self.assertFalse(arrived - load.offered(), "arrived without being sent")
        self.assertFalse(destination.conflicts, "one id with two contents")

    def assert_complete(self, load, destination, culprits=frozenset()):
        """Exact, and every export was acked in the end."""
        open_exports = [(i, outcome and outcome.statuses[-3:])
                        for i, outcome in enumerate(load.outcomes)
                        if outcome is None or not outcome.acked]
        self.assertFalse(open_exports, "%d exports not acked, such as %s; answers: %s" %
                         (len(open_exports), open_exports[:3], load.statuses()))
        self.assert_exact(load, destination, culprits)
        missing = load.offered() - destination.arrived() - set(culprits)
        self.assertFalse(missing, "never arrived: %s" % sorted(missing)[:5])
        self.assertFalse(set(culprits) & destination.arrived(), "a culprit arrived")

    def assert_ledger(self, collector, **expected):
        def settled():
            ledger = collector.ledger()
            return ledger if ledger["pending"] == 0 else None
        ledger = wait_until(settled, 10, "ledger_pending 0")
        self.assertEqual(ledger["received"], sum(v for k, v in ledger.items() if k != "received"),
                         "the ledger does not balance: %s" % ledger)
        for name, value in expected.items():
            self.assertEqual(ledger[name], value, "ledger_%s of %s" % (name, ledger))

    def assert_memory_below(self, collector, megabytes):
        if not sanitized:
            self.assertLess(collector.peak_megabytes(), megabytes, "peak memory in MiB")


class _Result(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        self._begun = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        self.stream.writeln("    %.1f s" % (time.monotonic() - self._begun))
        self.stream.flush()

    def getDescription(self, test):
        return str(test).split()[0]


def set_binary(path):
    global binary, sanitized, patience
    binary = str(Path(path).resolve())
    contents = Path(binary).read_bytes()
    sanitized = b"__asan_init" in contents or b"__tsan_init" in contents
    # Deadlines are for a machine of one's own: one that others keep busy gets more time.
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    patience = otlp.patience = max(4.0 if sanitized else 1.0, min(busy, 6.0))


def main():
    arguments = sys.argv[1:]
    path = arguments.pop(0) if arguments and os.sep in arguments[0] else \
        os.environ.get("TOLLGATE_BINARY")
    if not path or not os.access(path, os.X_OK):
        sys.exit("usage: %s PATH/TO/tollgate [TEST …]" % sys.argv[0])
    set_binary(path)
    module = sys.modules["__main__"]
    loader = unittest.TestLoader()
    if arguments:
        loader.testNamePatterns = ["*%s*" % name for name in arguments]
    suite = loader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=_Result).run(suite)
    failed = len({str(case).split(" ", 1)[0] for case, _ in result.failures + result.errors})
    passed = result.testsRun - failed - len(result.skipped)
    print("%d passed, %d failed%s" % (
        passed, failed, ", %d skipped" % len(result.skipped) if result.skipped else ""))
    sys.exit(1 if failed else 0)
