#!/usr/bin/python3
"""kill -9 at any moment, without a buffer and with durable ones: senders send again, nothing is
lost and nothing counts twice.

    test_crash.py PATH/TO/tollgate [TEST …]

TOLLGATE_KILLS says how often to kill in each test; TOLLGATE_SEED repeats a run's instants.
"""

import os
import random
import time
import unittest

import harness
from destination import Action, Destination
from harness import SystemTest, free_port, quick_page, wait_until
from otlp import Load

KILLS = int(os.environ.get("TOLLGATE_KILLS", 5))


class Crash(SystemTest):
    def kill_again_and_again(self, buffer=""):
        seed = int(os.environ.get("TOLLGATE_SEED", random.randrange(1 << 32)))
        chance = random.Random(seed)
        print("seed %d, %d kills" % (seed, KILLS))
        # Slow enough that each kill finds requests under way, taken and not yet answered.
        with Destination(free_port(), lambda _: Action(delay=0.03)) as destination:
            port = free_port()
            config = quick_page(port) + buffer
            start = lambda life: self.collector(config, url=destination.url, grpc_port=port,
                                                name="life%d" % life)
            collector = start(0)
            load = Load(port, 100 * KILLS, 20, senders=8, timeout=5, max_wait=0.3).start()
            for life in range(1, KILLS + 1):
                goal = load.answered + chance.randrange(1, 15)
                wait_until(lambda: load.answered >= goal, 30, "%d answers" % goal)
                time.sleep(chance.uniform(0, 0.1))
                collector.kill()
                collector.log_path.unlink()
                self.collectors.clear()
                collector = start(life)
            load.finish.set()
            load.join(60)
            wait_until(lambda: load.acked() <= destination.arrived(), 60, "all that was acked")
            self.assert_exact(load, destination)
            self.assertGreater(load.answered, KILLS)
            self.assertGreater(destination.resent(), 0, "no kill came between taking and acking")
            self.assert_ledger(collector)
            print("%d kills: %d records acked, 0 lost, 0 doubled; %d arrivals deduped" %
                  (KILLS, len(load.acked()), destination.resent()))

    def test_without_a_buffer(self):
        self.kill_again_and_again()

    def test_with_a_journal(self):
        self.kill_again_and_again("buffer:\n  journal: {path: ./journal, segment_bytes: 65536}\n")

    def test_with_sqlite(self):
        self.kill_again_and_again("buffer:\n  sqlite: {path: ./buffer.db}\n")


if __name__ == "__main__":
    harness.main()
