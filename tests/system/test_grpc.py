#!/usr/bin/python3
"""gRPC by the book, with the library most senders use: statuses, deadlines, crowds, shutdown."""

import os
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import grpc

import harness
from harness import SystemTest, free_port, wait_until
from otlp import EXPORT, Sender, access_log_export, field_bytes, fields
from test_bad_exports import PREFACE, REQUEST_HEADERS, frame

CONFIG = """
input:
  otel_log:
    address: 127.0.0.1:%d
    timeout: %s
pipeline:
  processors:
    - mapping: |
        root = if this.record.attributes.path.has_suffix("/slow") { throw("slow") } else { deleted() }
    - catch: [sleep: {duration: %s}]
output:
  drop: {}
"""


def channel_to(port, *options):
    return grpc.insecure_channel("127.0.0.1:%d" % port, options=[
        ("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1), *options])


class Grpc(SystemTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()

    def receiver(self, timeout="5s", sleep="2s"):
        self.subject = self.collector(CONFIG % (self.port, timeout, sleep))
        return self.subject

    def slow_export(self, number=1):
        return access_log_export([number], padding="/slow")

    def status(self, call, *arguments, **options):
        try:
            call(*arguments, **options)
            return "OK"
        except grpc.RpcError as error:
            return error.code().name

    def test_answers(self):
        self.receiver()
        with channel_to(self.port) as channel:
            export = channel.unary_unary(EXPORT)
            for name, body in {"empty export": b"", "no records": field_bytes(1, b""),
                               "one": access_log_export([1]),
                               "many": access_log_export(range(2000)),
                               "unknown fields": field_bytes(77, b"x") + access_log_export([2])
                               }.items():
                for compression in (None, grpc.Compression.Gzip, grpc.Compression.Deflate):
                    with self.subTest(name, compression=compression):
                        response, call = export.with_call(body, timeout=10, compression=compression)
                        self.assertEqual(response, b"")
                        self.assertEqual(call.code(), grpc.StatusCode.OK)
                        self.assertEqual(call.details(), "")

    def test_failures_carry_what_clients_need(self):
        self.receiver()
        with channel_to(self.port) as channel:
            big = field_bytes(1, bytes(65 << 20))
            with self.assertRaises(grpc.RpcError) as raised:
                channel.unary_unary(EXPORT)(big, timeout=30)
            self.assertEqual(raised.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            self.assertIn("larger than max (%d vs. 67108864)" % len(big), raised.exception.details())
            self.assertNotIn("grpc-status-details-bin",
                             [key for key, _ in raised.exception.trailing_metadata()])
            for path, code in (("/a.B/C", grpc.StatusCode.UNIMPLEMENTED), (EXPORT + "x", grpc.StatusCode.UNIMPLEMENTED),
                               ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
                                grpc.StatusCode.UNIMPLEMENTED)):
                self.assertEqual(self.status(channel.unary_unary(path), b"", timeout=5), code.name)
            # Streams of more than one message are no unary calls.
            self.assertEqual(self.status(channel.stream_unary(EXPORT), iter([b"", b""]), timeout=5),
                             "INTERNAL")

    def test_deadlines(self):
        """The client's own and the input's, whichever comes first."""
        self.receiver(timeout="600ms", sleep="3s")
        with channel_to(self.port) as channel:
            export = channel.unary_unary(EXPORT)
            for limit, expected in ((0.2, 0.2), (10, 0.6)):
                begun = time.monotonic()
                self.assertEqual(self.status(export, self.slow_export(), timeout=limit),
                                 "DEADLINE_EXCEEDED")
                self.assertLess(abs(time.monotonic() - begun - expected), 0.35)

    def test_cancellation(self):
        self.receiver(sleep="50ms")
        with channel_to(self.port) as channel:
            calls = [channel.unary_unary(EXPORT).future(self.slow_export(n)) for n in range(50)]
            time.sleep(0.1)
            for call in calls:
                call.cancel()
            self.assertEqual(self.status(channel.unary_unary(EXPORT), access_log_export([9]),
                                         timeout=60), "OK")

    def test_a_thousand_connections(self):
        """From a server whose soft limit of descriptors is lower."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 4096:
            self.skipTest("the hard limit of descriptors is %d" % hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        self.receiver()
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        body = access_log_export([1])
        request = (PREFACE + frame(4, 0, 0, b"") + frame(1, 4, 1, REQUEST_HEADERS) +
                   frame(0, 1, 1, b"\0" + struct.pack(">I", len(body)) + body))
        clients = [socket.create_connection(("127.0.0.1", self.port), 20) for _ in range(1000)]
        try:
            for client in clients:
                client.sendall(request)
            for client in clients:
                client.settimeout(20)
                seen = b""
                # The trailers end the stream: a HEADERS frame with END_STREAM and END_HEADERS.
                while b"\x01\x05\x00\x00\x00\x01" not in seen:
                    piece = client.recv(4096)
                    self.assertTrue(piece, "closed before the answer")
                    seen += piece
            with Sender(self.port) as sender:
                self.assertTrue(sender.send_once(access_log_export([2])).ok)
        finally:
            for client in clients:
                client.close()
        self.assert_memory_below(self.subject, 250)

    def test_thousands_of_streams_on_one_connection(self):
        self.receiver(timeout="20s")
        with channel_to(self.port) as channel:
            export = channel.unary_unary(EXPORT)
            calls = [export.future(access_log_export([n]), timeout=30) for n in range(3000)]
            self.assertEqual({call.code().name for call in calls}, {"OK"})

    def test_the_connection_ends_in_order(self):
        """On SIGTERM what is under way is answered, and new calls are told to go elsewhere."""
        self.receiver(timeout="20s", sleep="1s")
        with channel_to(self.port, ("grpc.enable_retries", 0)) as channel:
            under_way = channel.unary_unary(EXPORT).future(self.slow_export(), timeout=20)
            wait_until(lambda: self.subject.ledger()["received"] == 1, 5, "the export")
            self.subject.signal(signal.SIGTERM)
            self.assertEqual(under_way.code(), grpc.StatusCode.OK, under_way.details())
            self.assertEqual(self.subject.wait(), 0)
            self.assertEqual(self.status(channel.unary_unary(EXPORT), b"", timeout=5), "UNAVAILABLE")

    def test_health(self):
        self.receiver()
        with channel_to(self.port) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            service = "opentelemetry.proto.collector.logs.v1.LogsService"
            for request in (b"", field_bytes(1, service.encode())):
                self.assertEqual(dict(fields(check(request, timeout=5))), {1: 1}, "SERVING")
            self.assertEqual(self.status(check, field_bytes(1, b"other"), timeout=5), "NOT_FOUND")

    # Abuse. Each attack runs against a fresh connection; afterwards an honest sender is served.

    def attack(self, sent, pieces=1):
        """Sends until the server hangs up; True if it did."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            try:
                connection.sendall(PREFACE + frame(4, 0, 0, b""))
                for _ in range(pieces):
                    connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except ConnectionError:
                pass
            except socket.timeout:
                return False
        with Sender(self.port) as sender:
            self.assertTrue(sender.send_once(access_log_export([1])).ok)
        return True

    def test_floods(self):
        self.receiver()
        before = self.subject.peak_megabytes()
        literal = lambda name, value: b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
        continued = frame(1, 0, 1, REQUEST_HEADERS)
        header = literal(b"x" * 100, b"y" * 120)
        # A table as large as its owner likes, filled with one huge entry that is then repeated.
        bomb_entry = b"\x40\x01x\x7f\x81\x1e" + b"z" * 4000
        for name, sent, pieces in (
                ("pings", frame(6, 0, 0, b"12345678"), 20000),
                ("settings", frame(4, 0, 0, struct.pack(">HI", 3, 100)), 20000),
                ("settings of many entries", frame(4, 0, 0, struct.pack(">HI", 1, 1 << 30) * 2000), 10),
                ("a table of 4 GiB", frame(4, 0, 0, struct.pack(">HI", 1, 0xffffffff)), 10),
                ("resets", b"".join(frame(1, 4, n, REQUEST_HEADERS) + frame(3, 0, n, struct.pack(">I", 8))
                                    for n in range(1, 20001, 2)), 1),
                ("empty data", frame(1, 4, 1, REQUEST_HEADERS) + frame(0, 0, 1, b"") * 20000, 1),
                ("priorities", frame(2, 0, 1, b"\0\0\0\0\x10"), 20000),
                ("continuations", continued + frame(9, 0, 1, header) * 20000, 1),
                ("empty continuations", continued + frame(9, 0, 1, b"") * 20000, 1),
                ("a header block that inflates",
                 frame(1, 0, 1, REQUEST_HEADERS + bomb_entry) +
                 frame(9, 4, 1, b"\xbe" * 16000), 1),
                ("window updates", frame(8, 0, 0, struct.pack(">I", 1)), 20000),
                ("an overflowing window", frame(8, 0, 0, struct.pack(">I", 0x7fffffff)), 3),
                ("streams without an end", b"".join(frame(1, 4, n, REQUEST_HEADERS)
                                                    for n in range(1, 20001, 2)), 1)):
            with self.subTest(name):
                self.assertTrue(self.attack(sent, pieces), "the connection hung")
        if not harness.sanitized:
            self.assertLess(self.subject.peak_megabytes() - before, 64)

    def test_a_client_that_reads_nothing(self):
        """It is not read from either, once what it is owed fills the socket."""
        self.receiver()
        body = access_log_export([1])
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(3)
            try:
                connection.sendall(PREFACE + frame(4, 0, 0, b""))
                for number in range(1, 400001, 2):
                    connection.sendall(frame(1, 4, number, REQUEST_HEADERS) + frame(
                        0, 1, number, b"\0" + struct.pack(">I", len(body)) + body))
            except (socket.timeout, ConnectionError):
                pass
            with Sender(self.port) as sender:
                self.assertTrue(sender.send_once(access_log_export([1])).ok)
        self.assert_memory_below(self.subject, 250)


if __name__ == "__main__":
    harness.main()
