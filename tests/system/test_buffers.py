#!/usr/bin/python3
"""Buffers. The journal: full and damaged disks, backlogs larger than memory, shutdown, and the
commands that look into it. The one in memory: how it gathers and ends."""

import json
import re
import signal
import subprocess
import unittest
from pathlib import Path

import harness
from destination import Action, Destination
from harness import SystemTest, free_port, quick_page, wait_until
from otlp import Load, Sender, access_log_export, sequence_of


class JournalTest(SystemTest):
    def started(self, destination, path="./journal", more="", **options):
        port = free_port()
        config = quick_page(port, retries="0") + "buffer:\n  journal: {path: %s%s}\n" % (path, more)
        return self.collector(config, url=destination.url, grpc_port=port, **options)

    def send(self, collector, exports=4, records=50, padding=""):
        with Sender(collector.grpc_port) as sender:
            for i in range(exports):
                answer = sender.send_once(
                    access_log_export(range(i * records, (i + 1) * records), padding))
                self.assertTrue(answer.ok, answer)

    def path(self, name="journal"):
        return Path(self.directory) / name

    def segments(self):
        return sorted(self.path().glob("*.segment"))

    def arrives(self, destination, sequences, timeout=30):
        destination.wait_for(lambda d: d.arrived() >= set(sequences), timeout * harness.patience,
                             "%d records" % len(sequences))
        self.assertEqual(destination.arrived(), set(sequences))
        self.assertEqual(destination.doubled(), {})


class Life(JournalTest):
    def test_sigterm_leaves_the_rest_for_the_next_start(self):
        with Destination(free_port(), lambda _: Action(500, end="hang", delay=60)) as destination:
            collector = self.started(destination, arguments=["-s", "shutdown_timeout=1s"])
            self.send(collector)
            destination.wait_for(lambda d: d.request_count() > 0, 10, "a request")
            collector.stop(10)
            self.assertEqual(destination.arrived(), set())
            destination.script = None
            self.started(destination)
            self.arrives(destination, range(200))

    def test_a_partial_batch_is_flushed(self):
        with Destination(free_port()) as destination:
            port = free_port()
            collector = self.collector(quick_page(port, period="60s") +
                                       "buffer:\n  journal: {path: ./journal}\n",
                                       url=destination.url, grpc_port=port)
            self.send(collector, exports=1, records=5)
            self.assertEqual(collector.stop(10), 0)
            self.assertEqual(len(destination.arrived()), 5)

    def test_files_are_for_their_owner(self):
        with Destination(free_port()) as destination:
            self.send(self.started(destination))
            self.assertEqual(self.path().stat().st_mode & 0o777, 0o700)
            for file in self.path().iterdir():
                self.assertEqual(file.stat().st_mode & 0o777, 0o600, file)

    def test_a_second_process_is_told_who_has_it(self):
        with Destination(free_port()) as destination:
            self.started(destination, name="first")
            second = self.started(destination, name="second", ready=False)
            self.assertEqual(second.wait(10), 1)
            self.assertIn("another process uses it", second.log())

    def test_a_backlog_much_larger_than_memory(self):
        """240 MB acknowledged while the destination is dead, then delivered, in a bounded process."""
        destination = Destination(free_port())
        self.addCleanup(destination.stop)
        records, padding = 6000, "/" + "x" * 40000
        limits = ["--memory-limit", "32MiB"]
        more = ", max_in_flight_bytes: 8388608"
        collector = self.started(destination, more=more, arguments=limits, ready=False)
        wait_until(lambda: harness.get(collector.endpoint("/ping"))[0] == 200, 10, "/ping")
        load = Load(collector.grpc_port, records // 50, 50, senders=8, padding=padding,
                    timeout=30).start().join(120 * harness.patience)
        self.assertEqual(len(load.acked()), records, load.statuses())
        self.assert_memory_below(collector, 200)
        collector.kill()
        destination.start()
        collector = self.started(destination, more=more, arguments=limits)
        destination.wait_for(lambda d: len(d.arrived()) == records, 120 * harness.patience, "all")
        self.assertEqual(destination.doubled(), {})
        self.assert_memory_below(collector, 200)
        # What is settled is given back.
        wait_until(lambda: sum(f.stat().st_size for f in self.segments()) < 80 << 20, 10, "space")

    def test_a_full_journal_makes_senders_wait(self):
        destination = Destination(free_port())
        self.addCleanup(destination.stop)
        collector = self.started(destination, more=", max_bytes: 1000000, segment_bytes: 100000",
                                 ready=False)
        wait_until(lambda: harness.get(collector.endpoint("/ping"))[0] == 200, 10, "/ping")
        load = Load(collector.grpc_port, 100, 50, senders=4, padding="/" + "x" * 1000,
                    timeout=10).start()
        wait_until(lambda: collector.log_lines("the journal is full"), 30, "a full journal")
        self.assertLessEqual(sum(f.stat().st_size for f in self.segments()), 1_000_000)
        destination.start()
        load.join(60 * harness.patience)
        self.arrives(destination, range(5000))
        self.assert_complete(load, destination)


class Disk(JournalTest):
    def test_a_full_disk_makes_senders_wait(self):
        mount = self.path("disk")
        mount.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount],
                          capture_output=True).returncode:
            self.skipTest("mounting a tmpfs is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", mount])
        destination = Destination(free_port())
        self.addCleanup(destination.stop)
        collector = self.started(destination, path=mount / "journal",
                                 more=", segment_bytes: 200000", ready=False)
        wait_until(lambda: harness.get(collector.endpoint("/ping"))[0] == 200, 10, "/ping")
        load = Load(collector.grpc_port, 100, 50, senders=4, padding="/" + "x" * 1000,
                    timeout=10).start()
        collector.wait_log("nothing can be stored", "No space left", timeout=30)
        destination.start()
        load.join(60 * harness.patience)
        self.arrives(destination, range(5000))
        self.assert_complete(load, destination)
        self.assertIn("UNAVAILABLE", load.statuses())
        self.assertEqual(collector.stop(), 0)

    def test_a_damaged_record_is_reported_and_the_rest_delivered(self):
        with Destination(free_port(), lambda _: Action(503)) as destination:
            collector = self.started(destination, more=", segment_bytes: 20000",
                                     arguments=["-s", "shutdown_timeout=1s"])
            self.send(collector, exports=10, records=20)
            collector.kill()
            self.assertEqual(harness.run("journal", "verify", self.path()).stdout, "sound\n")
            damaged = self.segments()[0]
            contents = bytearray(damaged.read_bytes())
            contents[64 + 48 + 700] ^= 0x40  # in the payload of the first record
            damaged.write_bytes(contents)

            verified = harness.run("journal", "verify", self.path())
            self.assertEqual(verified.returncode, 1)
            place = "damaged: %s: %%d bytes at offset 64 (record 1 of 20 messages)\n" % damaged
            self.assertRegex(verified.stdout, re.escape(place).replace("%d", r"\d+"))

            destination.script = None
            collector = self.started(destination)
            self.arrives(destination, range(20, 200))
            line = collector.wait_log("level=error", "damaged", "at offset 64")[0]
            self.assertIn("record 1, 20 messages", line)
            wait_until(lambda: collector.metric("journal_corrupt_records") == 1, 5, "the count")
            aside = Path(str(damaged) + ".damaged")
            wait_until(aside.exists, 5, "the file set aside")
            self.assertEqual(harness.run("journal", "verify", aside).returncode, 1)

    def test_bytes_that_were_not_finished_are_cut(self):
        with Destination(free_port(), lambda _: Action(503)) as destination:
            collector = self.started(destination)
            self.send(collector)
            collector.kill()
            last = self.segments()[-1]
            whole = last.read_bytes()
            last.write_bytes(whole + whole[64:1000])
            destination.script = None
            collector = self.started(destination)
            self.arrives(destination, range(200))
            collector.wait_log("level=warn", "were not finished")
            self.assertEqual(collector.metric("journal_corrupt_records"), 0)


class Commands(JournalTest):
    def test_inspect_and_replay(self):
        def half(request):
            return Action(503) if any(sequence_of(e) >= 100 for e in request.events) else None
        with Destination(free_port(), half) as destination:
            collector = self.started(destination)
            self.send(collector)
            self.arrives(destination, range(100))
            owed = "2 records to deliver, 0 damaged places, 0 unfinished writes"
            wait_until(lambda: owed in harness.run("journal", "inspect", self.path()).stdout, 5, owed)

            lines = harness.run("journal", "replay", self.path()).stdout.splitlines()
            messages = [json.loads(line) for line in lines]
            self.assertEqual([m["record"] for m in messages], [3] * 50 + [4] * 50)
            sequences = [int(json.loads(m["payload"])["record"]["attributes"]["path"].split("/")[2])
                         for m in messages]
            self.assertEqual(sequences, list(range(100, 200)))
            self.assertEqual(len({m["identity"] for m in messages}), 100)
            self.assertTrue(all(m["identity_derived"] and not m["settled"] for m in messages))

            everything = harness.run("journal", "replay", "--all", self.path()).stdout.splitlines()
            self.assertEqual([json.loads(line)["settled"] for line in everything],
                             [True] * 100 + [False] * 100)
            payloads = harness.run("journal", "replay", "--payloads", self.path()).stdout
            self.assertEqual(payloads.splitlines(), [m["payload"] for m in messages])
            one = harness.run("journal", "replay", self.segments()[0]).stdout.splitlines()
            self.assertEqual(len(one), 200, "a segment alone knows nothing of what is settled")
            self.assertEqual(harness.run("journal", "verify", self.path()).stdout, "sound\n")
            self.assertTrue(collector.alive())

    def test_ids_of_a_replay_are_those_of_the_first_attempt(self):
        seen = []

        def refuse(request):
            seen.append({e["id"] for e in request.events})
            return Action(503)
        with Destination(free_port(), refuse) as destination:
            collector = self.started(destination)
            # Without a fine timestamp an identity is drawn at random, once.
            with Sender(collector.grpc_port) as sender:
                self.assertTrue(sender.send_once(
                    access_log_export(range(50), fine_time=False)).ok)
            wait_until(lambda: seen, 10, "a request")
            collector.kill()
            destination.script = None
            self.started(destination)
            self.arrives(destination, range(50))
            self.assertEqual(set(destination.events), set().union(*seen))

    def test_what_is_no_journal(self):
        self.write("empty/file", "")
        for path, words in (("empty", "is no journal"), ("nowhere", "No such file"),
                            ("empty/file", "is no segment of a journal")):
            ran = harness.run("journal", "inspect", self.path(path))
            self.assertEqual((ran.returncode, ran.stdout), (1, ""))
            self.assertIn(words, ran.stderr)


class Memory(SystemTest):
    def test_it_gathers_by_its_policy(self):
        with Destination(free_port()) as destination:
            port = free_port()
            policy = "{enabled: true, count: 30, period: 60s}"
            collector = self.collector(
                quick_page(port) + "buffer:\n  memory: {batch_policy: %s}\n" % policy,
                url=destination.url, grpc_port=port)
            with Sender(port) as sender:
                for i in range(7):
                    self.assertTrue(sender.send_once(access_log_export(
                        range(i * 10, i * 10 + 10))).ok)
            destination.wait_for(lambda d: len(d.arrived()) == 60, 10, "two batches")
            for name, value in (("received", 70), ("batch_received", 7), ("sent", 60),
                                ("batch_sent", 2), ("latency_ns_count", 2)):
                self.assertEqual(collector.metric("buffer_" + name), value, name)
            self.assertEqual(collector.stop(10), 0)
            self.assertEqual(len(destination.arrived()), 70, "the third was flushed at the end")

    def test_a_stop_waits_for_an_outage_to_end(self):
        failing = [True]
        with Destination(free_port(),
                         lambda _: Action(503) if failing[0] else None) as destination:
            port = free_port()
            collector = self.collector(quick_page(port, retries="0") + "buffer:\n  memory: {}\n",
                                       url=destination.url, grpc_port=port)
            with Sender(port) as sender:
                self.assertTrue(sender.send_once(access_log_export(range(50))).ok)
            wait_until(lambda: destination.request_count() > 2, 10, "attempts")
            collector.signal(signal.SIGTERM)
            collector.wait_log("the service is closing")
            failing[0] = False
            self.assertEqual(collector.wait(20), 0)
            self.assertEqual(len(destination.arrived()), 50)

    def test_what_is_lost_is_said(self):
        with Destination(free_port(), lambda _: Action(503)) as destination:
            port = free_port()
            collector = self.collector(quick_page(port, retries="0") + "buffer:\n  memory: {}\n",
                                       url=destination.url, grpc_port=port,
                                       arguments=["-s", "shutdown_timeout=1s"])
            with Sender(port) as sender:
                self.assertTrue(sender.send_once(access_log_export(range(50))).ok)
            collector.stop(10)
            self.assertTrue(collector.log_lines("50 messages were left in the memory buffer"))


class Sqlite(SystemTest):
    def test_processors_and_order(self):
        """As the reference engine does it: batches stay in order and whole."""
        config = self.write("sqlite.yaml", """
input:
  generate: {mapping: 'root = "x%d".format(counter())', count: 10, batch_size: 2, interval: ""}
buffer:
  sqlite:
    path: ./buffer.db
    pre_processors:
      - mapping: root = content().uppercase()
    post_processors:
      - mapping: 'root = if content().string() == "X3" { deleted() } else { content() + "!" }'
output:
  processors:
    - mapping: root = content() + " %d of %d".format(batch_index(), batch_size())
  stdout: {codec: lines}
logger: {level: "OFF"}
http: {enabled: false}
""")
        for _ in range(2):  # the second time finds nothing left over
            ran = harness.run("run", config, cwd=self.directory)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
            self.assertEqual(ran.stdout.splitlines(), [
                "X1! 0 of 2", "X2! 1 of 2", "X4! 0 of 1", "X5! 0 of 2", "X6! 1 of 2", "X7! 0 of 2",
                "X8! 1 of 2", "X9! 0 of 2", "X10! 1 of 2"])
        self.assertEqual(self.database().stat().st_mode & 0o777, 0o600)

    def database(self):
        return Path(self.directory) / "buffer.db"


if __name__ == "__main__":
    harness.main()
