#!/usr/bin/python3
"""A fault campaign: load without end, faults drawn from a seed, and an audit of every record.

    campaign.py PATH/TO/tollgate [--seed S] [--seconds N] [--runs R] [--hours H]

Each run draws a configuration and a plan of faults from its seed, so that a failing seed is run again
with --seed. What must hold, whatever happens: lost = 0, innocent lost = 0, distinct ids per record =
1, and a ledger that balances at every scrape and over all lives of the collector together. Where a
byte of the journal was changed on the disk, the records that held it are owed a message in the log.
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

from pathlib import Path

import harness
from destination import Action, Destination, problem
from otlp import Load, sequence_of
from trouble import Trouble

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


# Of a thousand calls: writes that fail, writes that are cut short, syncs that fail.
DISKS = [(300, 0, 0), (0, 500, 0), (0, 0, 300), (100, 100, 100), (1000, 0, 0), (0, 0, 1000)]
JUMPS = [1, 60, 3600, 11 * 60, 400 * 86400]  # seconds, either way


def draw_plan(chance, seconds):
    """[(when, what, detail, length)]: the run's faults in order."""
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


def draw_more(chance, seconds, storage):
    """Faults of the machine, drawn on their own: a seed's other faults are the same without them."""
    kinds = ["clock"]
    if storage != "none":
        kinds += ["disk", "disk"]
    if storage in ("journal", "small disk"):
        kinds += ["corrupt"]
    plan, at = [], chance.uniform(0.5, 2.0)
    while at < seconds:
        kind, length = chance.choice(kinds), 0.0
        if kind == "clock":
            detail = chance.choice([-1, 1]) * chance.choice(JUMPS)
        elif kind == "disk":
            detail, length = (chance.choice(DISKS), chance.random() < 0.3), chance.uniform(0.2, 1.0)
        else:
            detail = chance.random()
        plan.append((at, kind, detail, length))
        at += length + chance.uniform(0.5, 2.5)
    return plan


JOURNAL = """buffer:
  journal:
    path: %s/journal
    max_bytes: 268435456
    segment_bytes: 65536
"""
SQLITE = """buffer:
  sqlite: {path: %s/buffer.db}
"""


STORAGES = ["none", "none", "journal", "small disk"]  # sqlite takes the place of some


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
                       "period": chance.choice(["20ms", "100ms", "300ms"]),
                       # The destination is a program of Python's: on a busy machine it is slow, and
                       # one whose answers always come too late is asked for ever.
                       "timeout": "%dms" % (2000 * harness.patience)}
        # Drawn last, so that what came before is the same with and without it.
        drawn = chance.choice(STORAGES)
        more = random.Random("more of %d" % seed)
        self.storage = storage or ("sqlite" if more.random() < 0.2 else drawn)
        self.plan = sorted(self.plan + draw_more(more, seconds, self.storage), key=lambda f: f[0])
        self.disk, self.store = None, os.path.join(directory, "store")
        if self.storage == "small disk":
            self.disk = SmallDisk(self.store, 1024)
        else:
            os.makedirs(self.store)
        self.trouble = Trouble(directory, self.store)
        self.damaged = set()  # the records whose bytes in the journal were changed
        self.untold = None    # the life that must find the last damage, or one after it
        self.port = harness.free_port()
        self.lives = 0
        self.violations = []

    def yaml(self):
        page = harness.quick_page(self.port, **self.config)
        if self.storage == "none":
            return page
        return (SQLITE if self.storage == "sqlite" else JOURNAL) % self.store + page

    def start_collector(self):
        self.lives += 1
        collector = harness.Collector(
            self.directory, self.yaml(), url=self.destination.url, grpc_port=self.port,
            name="life%d" % self.lives, env=self.trouble.environment,
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
        elif kind == "clock":
            self.trouble.set(clock_offset_ns=detail * 1_000_000_000)
        elif kind == "disk":
            (writes, short, syncs), killed = detail
            self.trouble.set(failing_writes=writes, short_writes=short, failing_syncs=syncs)
            time.sleep(length)
            if killed:
                self.collector.kill()
            self.trouble.heal_disk()
            if killed:
                self.collector = self.start_collector()
        elif kind == "corrupt":
            self.collector.kill()
            if self.corrupt(random.Random(detail)):
                self.untold = self.lives + 1
            self.collector = self.start_collector()
        else:
            self.collector.signal(signal.SIGHUP)

    def owed(self):
        """The records that the journal would deliver."""
        printed = harness.run("journal", "replay", os.path.join(self.store, "journal")).stdout
        payloads = (json.loads(json.loads(line)["payload"]) for line in printed.splitlines())
        return {int(each["record"]["attributes"]["path"].split("/")[2]) for each in payloads}

    def corrupt(self, chance):
        """Changes a byte of a file of the journal; returns the records which that harms."""
        files = sorted(f for f in Path(self.store, "journal").iterdir() if f.stat().st_size > 0)
        if not files:
            return set()
        before = self.owed()
        file = chance.choice(files)
        with open(file, "r+b") as contents:
            at = chance.randrange(file.stat().st_size)
            contents.seek(at)
            byte = contents.read(1)[0]
            contents.seek(at)
            contents.write(bytes([byte ^ (1 << chance.randrange(8))]))
        harmed = before - self.owed()
        # A record is an export; where the progress is hit, more is owed than before, not less.
        if len(harmed) > RECORDS:
            self.violations.append("byte %d of %s took %d records" % (at, file.name, len(harmed)))
        self.damaged |= harmed
        return harmed

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
            self.check_damage_is_told()
        except AssertionError as error:
            self.violations.append(str(error))
        finally:
            self.load.stop.set()
            self.collector.kill()
            self.destination.stop()
            if self.disk:
                self.disk.release()
        return self.audit()

    def check_damage_is_told(self):
        logs = [Path(self.directory, "life%d.log" % life).read_text()
                for life in range(self.untold or 0, self.lives + 1) if self.untold]
        if logs and not any("cannot be read" in log or "were not finished" in log for log in logs):
            self.violations.append("records were damaged, and nobody was told")

    def culprits(self):
        return {n for n in self.load.offered() if self.faults.is_culprit(n)}

    def all_arrived(self):
        return self.load.acked() <= self.destination.arrived() | self.culprits() | self.damaged

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
        if settled < len(self.load.acked() - self.damaged):
            self.violations.append("%d acked, but the ledger has %s" % (len(self.load.acked()), terms))

    def audit(self):
        load, destination = self.load, self.destination
        arrived, acked = destination.arrived(), load.acked()
        culprits = self.culprits()
        lost = acked - arrived - culprits - self.damaged
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
              "lost %d  doubled %d  resent %5d  disk errors %4d  damaged %3d  %.1f s" % (
                  self.seed, self.storage, len(self.plan), self.lives, len(load.offered()), len(acked),
                  len(arrived), len(culprits), len(lost), len(doubled), destination.resent(),
                  self.trouble.injected(), len(self.damaged), time.monotonic() - self.begun),
              flush=True)
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
    parser.add_argument("--storage", choices=sorted({*STORAGES, "sqlite"}), help="instead of what the seed draws")
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
