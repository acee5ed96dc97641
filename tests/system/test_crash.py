#!/usr/bin/python3
"""kill -9 at any moment without a durable buffer: senders send again, nothing counts twice."""

import random
import time
import unittest

import harness
from destination import Action, Destination
from harness import SystemTest, free_port, wait_until
from otlp import Load


class Crash(SystemTest):
    def test_kill_restart_resend(self):
        seed = random.randrange(1 << 32)
        with self.subTest(seed=seed):
            self.kill_again_and_again(random.Random(seed), kills=5)

    def kill_again_and_again(self, chance, kills):
        # Slow enough that each kill finds requests under way, taken and not yet answered.
        with Destination(free_port(), lambda _: Action(delay=0.03)) as destination:
            port = free_port()
            collector = self.page_collector(destination, grpc_port=port, name="life0")
            load = Load(port, 400, 50, senders=16, timeout=5).start()
            for life in range(1, kills + 1):
                goal = life * 400 // (kills + 2)
                wait_until(lambda: load.answered >= goal, 30, "%d answers" % goal)
                time.sleep(chance.uniform(0, 0.1))
                collector.kill()
                collector = self.page_collector(destination, grpc_port=port, name="life%d" % life)
            load.join(60 * harness.patience)
            self.assert_complete(load, destination)
            self.assertGreater(destination.resent(), 0, "no kill came between taking and acking")
            self.assert_ledger(collector)


if __name__ == "__main__":
    harness.main()
