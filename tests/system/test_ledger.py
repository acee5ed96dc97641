#!/usr/bin/python3
"""The ledger across restarts and kills, and the command that prints it."""

import json
import time

import harness
from destination import Action, Destination
from harness import SystemTest, free_port, wait_until
from otlp import Load


class Ledger(SystemTest):
    def printed(self, *arguments):
        done = harness.run("ledger", "--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def with_state(self, destination, **options):
        return self.page_collector(destination, arguments=["--state-dir", self.directory + "/state"],
                                   **options)

    def test_goes_on_across_a_restart_and_a_kill(self):
        with Destination(free_port(), lambda _: Action(delay=0.02)) as destination:
            port = free_port()
            load = Load(port, 60, 50, senders=8, timeout=5)
            for life in range(4):
                collector = self.with_state(destination, grpc_port=port)
                if life == 0:
                    load.start()
                wait_until(lambda: load.answered >= 15 * life + 5, 30, "answers")
                if life == 3:
                    load.join(60)
                    wait_until(lambda: collector.ledger()["pending"] == 0, 10, "nothing pending")
                running = self.printed(collector.endpoint(""))
                if life % 2:
                    self.assertEqual(collector.stop(), 0)
                else:
                    collector.kill()
                kept = self.printed("--state-dir", self.directory + "/state")
                self.assertGreaterEqual(kept["received"], running["received"])
            self.assert_complete(load, destination)
            self.assertTrue(kept["balanced"])
            self.assertEqual(kept["pending"], 0)
            self.assertGreaterEqual(kept["delivered"], 3000)
            # What was pending at a kill was sent again and is received again.
            self.assertEqual(kept["received"], kept["delivered"] + kept["failed"])

    def test_one_directory_is_of_one_collector(self):
        with Destination(free_port()) as destination:
            self.with_state(destination)
            other = self.with_state(destination, ready=False)
            self.assertEqual(other.wait(20), 1)
            self.assertTrue(other.log_lines("another process uses it"))

    def test_what_is_no_ledger(self):
        for arguments in (["http://127.0.0.1:%d" % free_port()], ["--state-dir", "/nowhere"]):
            done = harness.run("ledger", *arguments)
            self.assertEqual(done.returncode, 1)
            self.assertTrue(done.stderr.strip())

    def test_a_resend_after_a_restart_is_answered_from_what_is_known(self):
        """Half of the records were delivered when the destination went away."""
        with Destination(free_port(), lambda request: Action(500) if request.number > 1 else None) \
                as destination:
            port = free_port()
            collector = self.with_state(destination, grpc_port=port, count="50", retries="0",
                                        max_in_flight="1")
            load = Load(port, 1, 100, senders=1).start()
            wait_until(lambda: "UNAVAILABLE" in collector.log() or load.answered or
                       destination.request_count() >= 3, 20, "a failure")
            time.sleep(0.5)
            collector.kill()
            destination.script = lambda request: None
            collector = self.with_state(destination, grpc_port=port, count="50")
            load.join(60)
            self.assert_complete(load, destination)
            self.assertEqual(destination.resent(), 0, "what was delivered is not sent again")


if __name__ == "__main__":
    harness.main()
