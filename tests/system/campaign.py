#!/usr/bin/python3
"""A fault campaign: load without end, faults drawn from a seed, and an audit of every record.

    campaign.py PATH/TO/tollgate [--seed S] [--seconds N] [--runs R] [--hours H]

Each run draws a configuration and a plan of faults from its seed, so that a failing seed is run again
with --seed. What must hold, whatever happens: lost = 0, innocent lost = 0, distinct ids per record =
1, and a ledger that balances at every scrape and over all lives of the collector together.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness
from destination import Action, Destination, problem
from otlp import Load, sequence_of

RECORDS, SENDERS = 50, 12


class Faults:
    """The destination's misbehaviour of the moment, besides its poison."""

    def __init__(self, culprit_of, culprit_at):
        self.culprit_of, self.culprit_at = culprit_of, culprit_at
        self.action, self.period = None, 1
        self.refused = set()

    def is_culprit(self, sequence):
        return self.culprit_of > 0 and sequence % self.culprit_of == self.culprit_at

    def __call__(self, request):
        action = self.action if request.number % self.period == 0 else None
        if callable(action):
            action = action(request)
        if action is not None and not action.takes:
            return action
        bad = {sequence_of(event) for event in request.events
               if self.is_culprit(sequence_of(event))}
        if bad:
            self.refused |= bad
            return problem(400, "record %d is poison" % min(bad))
        return action


ACTIONS = {
    "500": Action(500), "503 after taking": Action(503, take=True),
    "429 with Retry-After": Action(429, headers={"Retry-After": "1"}), "401": Action(401),
    "reset before taking": Action(500, take=False, end="reset"),
    "reset after taking": Action(202, take=True, end="reset"),
    "answer cut short": Action(202, take=True, end="truncate"),
    "slow": Action(202, delay=0.7), "hang": Action(202, take=True, end="hang", delay=3.0),
    "too large": lambda request: Action(413) if len(request.events) > 20 else None,
}
# A gateway that is wrong for a moment. Only ever about all requests: one good event refused alone
# between others that are accepted cannot be told from a bad one.
REFUSALS = {"all 400": Action(400), "all 413": Action(413)}


def draw_plan(chance, seconds):
    """[(when, what, detail)]: the run's faults in order."""
    plan, at = [], chance.uniform(0.3, 1.0)
    while at < seconds:
        kind = chance.choices(["misbehave", "outage", "kill", "terminate", "reload"],
                              [6, 2, 2, 1, 1])[0]
        length = chance.uniform(0.2, 2.0)
        detail = None
        if kind == "misbehave":
            name = chance.choice(sorted(ACTIONS | REFUSALS))
            detail = (name, 1 if name in REFUSALS else chance.choice([1, 2, 3, 5]))
        plan.append((at, kind, detail, length))
        at += length + chance.uniform(0.2, 1.5)
    return plan


BUFFER = """buffer:
  journal:
    path: %s
    max_bytes: 268435456
    segment_bytes: 65536
"""


STORAGES = ["none", "none", "journal", "small disk"]


class SmallDisk:
    """A file system of its own that is soon full; without the right to mount, none."""

    def __init__(self, path, kilobytes):
        self.path = path
        os.makedirs(path)
        self.mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=%dk" % kilobytes, "tollgate-campaign", path],
            capture_output=True).returncode == 0

    def release(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], capture_output=True)


class Run:
    def __init__(self, seed, seconds, directory, storage=None):
        self.seed, self.seconds, self.directory = seed, seconds, directory
        chance = random.Random(seed)
        period = chance.choice([0, 97, 500, 1000])
        self.faults = Faults(period, chance.randrange(period) if period else 0)
        self.plan = draw_plan(chance, seconds)
        self.destination = Destination(harness.free_port(), self.faults)
        self.config = {"count": str(chance.choice([10, 100, 250])),
                       "period": chance.choice(["20ms", "100ms", "300ms"]), "timeout": "2s"}
        # Drawn last, so that what came before is the same with and without it.
        self.storage = storage or chance.choice(STORAGES)
        self.disk = None
        if self.storage == "small disk":
            self.disk = SmallDisk(os.path.join(directory, "disk"), 1024)
        self.port = harness.free_port()
        self.lives = 0
        self.violations = []

    def yaml(self):
        page = harness.quick_page(self.port, **self.config)
        if self.storage == "none":
            return page
        place = self.disk.path if self.disk else self.directory
        return BUFFER % os.path.join(place, "journal") + page

    def start_collector(self):
        self.lives += 1
        collector = harness.Collector(
            self.directory, self.yaml(), url=self.destination.url, grpc_port=self.port,
            name="life%d" % self.lives,
            arguments=["-s", "shutdown_timeout=3s", "--state-dir", self.directory + "/state"])
        # Not wait_ready: the destination may be away.
        harness.wait_until(lambda: harness.get(collector.endpoint("/ping"))[0] == 200, 15, "/ping")
        return collector

    def check_ledger(self):
        terms = self.collector.ledger()
        if terms["received"] != sum(v for k, v in terms.items() if k != "received"):
            self.violations.append("ledger does not balance: %s" % terms)
        return terms

    def fault(self, kind, detail, length):
        if kind == "misbehave":
            action, self.faults.period = (ACTIONS | REFUSALS)[detail[0]], detail[1]
            self.faults.action = action
            time.sleep(length)
            self.faults.action = None
        elif kind == "outage":
            self.destination.stop()
            time.sleep(length)
            self.destination.start()
        elif kind == "kill":
            self.collector.kill()
            self.collector = self.start_collector()
        elif kind == "terminate":
            self.collector.signal(signal.SIGTERM)
            self.collector.wait(20)
            self.collector = self.start_collector()
        else:
            self.collector.signal(signal.SIGHUP)

    def run(self):
        self.begun = time.monotonic()
        self.destination.start()
        self.collector = self.start_collector()
        self.load = Load(self.port, 1_000_000, RECORDS, senders=SENDERS, timeout=5,
                         give_up_after=120).start()
        try:
            for at, kind, detail, length in self.plan:
                time.sleep(max(0.0, self.begun + at - time.monotonic()))
                if not self.collector.alive():
                    self.violations.append("the collector died: %s" % self.collector.log()[-500:])
                    break
                self.check_ledger()
                self.fault(kind, detail, length)
            self.load.finish.set()
            self.load.join(90)
            harness.wait_until(self.all_arrived, 60, "all that was acked arrived")
            harness.wait_until(lambda: self.check_ledger()["pending"] == 0, 20, "nothing pending")
            if self.collector.stop() != 0:
                self.violations.append("exit code %d" % self.collector.process.returncode)
            self.check_final_ledger()
        except AssertionError as error:
            self.violations.append(str(error))
        finally:
            self.load.stop.set()
            self.collector.kill()
            self.destination.stop()
            if self.disk:
                self.disk.release()
        return self.audit()

    def culprits(self):
        return {n for n in self.load.offered() if self.faults.is_culprit(n)}

    def all_arrived(self):
        return self.load.acked() <= self.destination.arrived() | self.culprits()

    def check_final_ledger(self):
        """Over all lives: it balances, and accounts for at least all that senders were told OK."""
        printed = harness.run("ledger", "--state-dir", self.directory + "/state", "--json")
        if printed.returncode != 0:
            self.violations.append("tollgate ledger: " + printed.stdout + printed.stderr)
            return
        terms = json.loads(printed.stdout)
        settled = terms["delivered"] + terms["dropped"] + terms["filtered"] + terms["dead_lettered"]
        if terms["pending"] != 0 or not terms["balanced"]:
            self.violations.append("the ledger in the end: %s" % terms)
        if settled < len(self.load.acked()):
            self.violations.append("%d acked, but the ledger has %s" % (len(self.load.acked()), terms))

    def audit(self):
        load, destination = self.load, self.destination
        arrived, acked = destination.arrived(), load.acked()
        culprits = self.culprits()
        lost = acked - arrived - culprits
        dropped = {n for sequences, outcome in zip(load.ranges, load.outcomes)
                   if outcome is not None and outcome.told_to_drop for n in sequences}
        doubled = destination.doubled()
        if lost:
            self.violations.append("lost %d, such as %s" % (len(lost), sorted(lost)[:5]))
        if dropped:
            self.violations.append("senders were told to drop %d" % len(dropped))
        if doubled:
            self.violations.append("doubled %d, such as %s" % (len(doubled), sorted(doubled)[:5]))
        if arrived & culprits:
            self.violations.append("culprits arrived")
        if destination.conflicts:
            self.violations.append("one id, two contents")
        print("seed %-11d %-10s %2d faults %2d lives  sent %6d  acked %6d  arrived %6d  poison %4d  "
              "lost %d  doubled %d  resent %5d  %.1f s" % (
                  self.seed, self.storage, len(self.plan), self.lives, len(load.offered()), len(acked),
                  len(arrived), len(culprits), len(lost), len(doubled), destination.resent(),
                  time.monotonic() - self.begun), flush=True)
        return not self.violations


def report(run, options):
    print("FAILED seed %d; again with: %s %s --seed %d --seconds %g" % (
        run.seed, sys.argv[0], options.binary, run.seed, options.seconds))
    print("  %s" % run.config)
    for at, kind, detail, length in run.plan:
        print("  %5.1f s  %s %s for %.1f s" % (at, kind, detail or "", length))
    for violation in run.violations:
        print("  " + violation)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--seed", type=int, default=None, help="of the first run; else random")
    parser.add_argument("--seconds", type=float, default=10, help="of load with faults, each run")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--hours", type=float, default=0, help="as many runs as that takes")
    parser.add_argument("--storage", choices=STORAGES, help="instead of what the seed draws")
    parser.add_argument("--keep", action="store_true", help="leave the files of failed runs")
    options = parser.parse_args()
    harness.set_binary(options.binary)
    seed = random.randrange(1 << 31) if options.seed is None else options.seed
    end = time.monotonic() + options.hours * 3600
    passed, failed = 0, []
    while passed + len(failed) < options.runs or time.monotonic() < end:
        directory = tempfile.mkdtemp(prefix="tollgate-campaign-")
        run = Run(seed, options.seconds, directory, options.storage)
        if run.run():
            passed += 1
        else:
            failed.append(seed)
            report(run, options)
        if run.violations and options.keep:
            print("  see %s" % directory)
        else:
            shutil.rmtree(directory, ignore_errors=True)
        seed += 1
    print("%d passed, %d failed%s" % (passed, len(failed), ": seeds %s" % failed if failed else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
