#!/usr/bin/python3
"""A fault campaign: load without end, faults drawn from a seed, and an audit of every record.

    campaign.py PATH/TO/tollgate [--seed S] [--seconds N] [--runs R]

Each run draws a plan of faults from its seed, so that a failing seed is run again with --seed. What
must hold, whatever happens: lost = 0, innocent lost = 0, distinct ids per record = 1, and a ledger
that balances at every scrape.
"""

import argparse
import random
import signal
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


class Run:
    def __init__(self, seed, seconds, directory):
        self.seed, self.seconds, self.directory = seed, seconds, directory
        chance = random.Random(seed)
        period = chance.choice([0, 97, 500, 1000])
        self.faults = Faults(period, chance.randrange(period) if period else 0)
        self.plan = draw_plan(chance, seconds)
        self.destination = Destination(harness.free_port(), self.faults)
        self.config = {"count": str(chance.choice([10, 100, 250])),
                       "period": chance.choice(["20ms", "100ms", "300ms"]), "timeout": "2s"}
        self.port = harness.free_port()
        self.lives = 0
        self.violations = []

    def start_collector(self):
        self.lives += 1
        collector = harness.Collector(
            self.directory, harness.quick_page(self.port, **self.config),
            url=self.destination.url, grpc_port=self.port, name="life%d" % self.lives,
            arguments=["-s", "shutdown_timeout=3s"])
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
            self.load.join(90 * harness.patience)
            harness.wait_until(lambda: self.check_ledger()["pending"] == 0, 20, "nothing pending")
            if self.collector.stop() != 0:
                self.violations.append("exit code %d" % self.collector.process.returncode)
        except AssertionError as error:
            self.violations.append(str(error))
        finally:
            self.load.stop.set()
            self.collector.kill()
            self.destination.stop()
        return self.audit()

    def audit(self):
        load, destination = self.load, self.destination
        arrived, acked = destination.arrived(), load.acked()
        culprits = {n for n in load.offered() if self.faults.is_culprit(n)}
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
        print("seed %-11d %2d faults %2d lives  sent %6d  acked %6d  arrived %6d  poison %4d  "
              "lost %d  doubled %d  resent %5d  %.1f s" % (
                  self.seed, len(self.plan), self.lives, len(load.offered()), len(acked),
                  len(arrived), len(culprits), len(lost), len(doubled), destination.resent(),
                  time.monotonic() - self.begun), flush=True)
        return not self.violations


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--seed", type=int, default=None, help="of the first run; else random")
    parser.add_argument("--seconds", type=float, default=10, help="of load with faults, each run")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    harness.set_binary(options.binary)
    first = random.randrange(1 << 31) if options.seed is None else options.seed
    failed = 0
    for seed in range(first, first + options.runs):
        with tempfile.TemporaryDirectory(prefix="tollgate-campaign-") as directory:
            run = Run(seed, options.seconds, directory)
            if not run.run():
                failed += 1
                print("FAILED seed %d; again with: %s %s --seed %d --seconds %g" % (
                    seed, sys.argv[0], options.binary, seed, options.seconds))
                for at, kind, detail, length in run.plan:
                    print("  %5.1f s  %s %s for %.1f s" % (at, kind, detail or "", length))
                for violation in run.violations:
                    print("  " + violation)
    print("%d passed, %d failed" % (options.runs - failed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
