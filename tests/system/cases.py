#!/usr/bin/python3
"""The cases that decide between exact and not, one row each, for this program and for another.

    cases.py PATH/TO/tollgate [--peer COMMAND] [--only WORD] [--events N]

Each case runs the page's configuration (its inner output where other programs want it) between real
senders and an auditing destination. `lost`: records whose senders were told OK, or told to drop, and
that never arrived, culprits aside. `doubled`: records that arrived under two ids, so that the
destination's dedupe counts them twice.
"""

import argparse
import shlex
import sys
import tempfile
import time

import harness
from destination import Action, Destination, every, problem
from otlp import Load, sequence_of


def nested(page):
    """`output` moved under `drop_on`, which is where all programs read it."""
    at = page.index("\n  output:\n    http_client") + 1
    return page[:at] + "".join("  %s\n" % line for line in page[at:].rstrip().split("\n"))


class Case:
    """One run. Subclasses say what goes wrong."""
    name, exports, senders, timeout = "nothing goes wrong", 100, 8, 5.0
    values = {}
    culprit_of = 0

    def script(self, request):
        return None

    def trouble(self):
        pass

    def is_culprit(self, sequence):
        return self.culprit_of and sequence % self.culprit_of == self.culprit_of // 2

    def start(self):
        return harness.Collector(
            self.directory, self.yaml, url=self.destination.url, grpc_port=self.port,
            name="life%d" % time.monotonic_ns(), program=self.program).wait_ready(30)

    def run(self, program, directory):
        self.program, self.directory, self.note = program, directory, ""
        self.destination = Destination(harness.free_port(), self.answer).start()
        self.port = harness.free_port()
        self.yaml = nested(harness.quick_page(self.port, **self.values))
        self.collector = self.start()
        self.load = Load(self.port, self.exports, 100, senders=self.senders, timeout=self.timeout,
                         give_up_after=45).start()
        try:
            self.trouble()
            harness.wait_until(lambda: self.load.ended() or not self.collector.alive(), 60,
                               "all senders were answered")
            if self.collector.alive():
                self.load.join(1)
                self.destination.settle(1.0)
        except AssertionError as error:
            self.note = str(error)[:60]
        self.load.stop.set()
        if not self.collector.alive():
            self.note = "the process died"
        self.collector.kill()
        self.destination.stop()
        return self.row()

    def answer(self, request):
        if self.culprit_of and any(self.is_culprit(sequence_of(e)) for e in request.events):
            return problem(400, "no such subject")
        return self.script(request)

    def wait_answered(self, count):
        harness.wait_until(lambda: self.load.answered >= count, 30, "%d answers" % count)

    def row(self):
        load, arrived = self.load, self.destination.arrived()
        culprits = {n for n in load.offered() if self.is_culprit(n)}
        dropped = {n for sequences, outcome in zip(load.ranges, load.outcomes)
                   if outcome is not None and outcome.told_to_drop for n in sequences}
        return {"sent": len(load.offered()), "acked": len(load.acked()), "arrived": len(arrived),
                "lost": len((load.acked() | dropped) - arrived - culprits),
                "doubled": len(self.destination.doubled()),
                "seconds": "%.1f" % getattr(load, "seconds", time.monotonic() - load.begun),
                "note": self.note}


class Outage(Case):
    name = "an outage of 5 s, retries for 1 s"

    def trouble(self):
        self.wait_answered(10)
        self.destination.stop()
        time.sleep(5)
        self.destination.start()


class Poison(Case):
    name, exports, culprit_of = "one event in 1,000 is refused with 400", 200, 1000


class Kill(Case):
    name, exports = "kill -9 and a restart, five times", 200

    def script(self, request):
        return Action(delay=0.03)  # so that each kill finds requests taken and not yet answered

    def trouble(self):
        for life in range(1, 6):
            self.wait_answered(life * 25)
            self.collector.kill()
            self.collector = self.start()


class Hang(Case):
    name, exports = "the destination takes 8 s, senders wait 5 s", 40

    def script(self, request):
        return Action(delay=8.0) if request.number <= 7 else None


class RefusesAll(Case):
    name = "the destination refuses everything for 3 s"
    refusing = False

    def script(self, request):
        return problem(400, "no such path") if self.refusing else None

    def trouble(self):
        self.wait_answered(10)
        self.refusing = True
        time.sleep(3)
        self.refusing = False


class EachThird(Case):
    name, values = "each third request fails with 500", {"retry_period": "1s"}
    exports, senders = 400, 64
    script = staticmethod(every(3, problem(500, "try later")))


class ResetAfter(Case):
    name = "connections reset after the request was taken"
    script = staticmethod(every(3, Action(202, take=True, end="reset")))


class Terminate(Case):
    name = "SIGTERM and a restart, three times"

    def script(self, request):
        return Action(delay=0.03)

    def trouble(self):
        for life in range(1, 4):
            self.wait_answered(life * 25)
            self.collector.stop(60)
            self.collector = self.start()


CASES = [Case, Outage, Poison, Kill, Hang, RefusesAll, EachThird, ResetAfter, Terminate]
COLUMNS = ["sent", "acked", "arrived", "lost", "doubled", "seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--peer", help="a command that takes `run FILE`, to show beside it")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    options = parser.parse_args()
    harness.set_binary(options.binary)
    programs = [("tollgate", [harness.binary])]
    if options.peer:
        programs.append(("peer", shlex.split(options.peer)))
    print("%-46s %-9s" % ("case", "") + "".join("%9s" % each for each in COLUMNS))
    exact = True
    for case in CASES:
        if options.only not in case.name:
            continue
        for name, program in programs:
            with tempfile.TemporaryDirectory(prefix="tollgate-cases-") as directory:
                row = case().run(program, directory)
            print("%-46s %-9s" % (case.name if name == "tollgate" else "", name) +
                  "".join("%9s" % row[each] for each in COLUMNS) + "  " + row["note"], flush=True)
            if name == "tollgate":
                exact &= row["lost"] == 0 and row["doubled"] == 0 and not row["note"]
    sys.exit(0 if exact else 1)


if __name__ == "__main__":
    main()
