#!/usr/bin/python3
"""What careless or hostile senders send: a clear error, bounded memory, the next one served."""

import gzip
import socket
import ssl
import struct
import subprocess
import threading
import unittest
import zlib

import grpc

import harness
from destination import Destination
from harness import SystemTest, free_port, wait_until
from otlp import EXPORT, Load, Sender, access_log_export, field_bytes

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header(name, value):
    return bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


REQUEST_HEADERS = b"".join(header(*pair) for pair in (
    (":method", "POST"), (":scheme", "http"), (":path", EXPORT), (":authority", "localhost"),
    ("te", "trailers"), ("content-type", "application/grpc")))


class BadExports(SystemTest):
    def setUp(self):
        super().setUp()
        self.destination = Destination(free_port()).start()
        self.addCleanup(self.destination.stop)
        self.subject = self.page_collector(self.destination)
        self.port = self.subject.grpc_port
        self.next_sequence = 0
        self.assert_serves()

    def assert_serves(self):
        """A whole export goes through."""
        self.next_sequence += 1
        with Sender(self.port) as sender:
            answer = sender.send_once(access_log_export([self.next_sequence]))
        self.assertTrue(answer.ok, answer)
        self.assertEqual(len(self.destination.arrived()), self.next_sequence)
        self.assertTrue(self.subject.alive())

    def raw_export(self, body, *headers, path=EXPORT):
        """Headers and trailers of the answer to any body, by curl."""
        (upload := self.write("body", "")).write_bytes(body)
        arguments = ["curl", "-sS", "--http2-prior-knowledge", "--max-time", "30",
                     "-o", "/dev/null", "-D", "-", "--data-binary", "@%s" % upload,
                     "-H", "te: trailers", "-H", "Expect:"]
        if not any(each.lower().startswith("content-type") for each in headers):
            arguments += ["-H", "content-type: application/grpc"]
        for each in headers:
            arguments += ["-H", each]
        done = subprocess.run([*arguments, "http://127.0.0.1:%d%s" % (self.port, path)],
                              capture_output=True, text=True)
        lines = [line.partition(": ") for line in done.stdout.splitlines()]
        return {name.lower(): value for name, _, value in lines} | {"curl": done.stderr}

    @staticmethod
    def message(body, compressed=False):
        return bytes([compressed]) + struct.pack(">I", len(body)) + body

    def assert_status(self, answer, code):
        self.assertEqual(answer.get("grpc-status"), str(code.value[0]), answer)

    def test_garbage_is_invalid_argument(self):
        for name, body in {"noise": bytes(range(256)), "cut": access_log_export([1])[:-7],
                           "zeros": b"\0" * 100, "length": b"\x0a\xff\xff\xff\xff\x0f",
                           "deep": self.deep(2000)}.items():
            with self.subTest(name):
                with Sender(self.port) as sender:
                    answer = sender.send_once(body)
                self.assertEqual(answer.status, grpc.StatusCode.INVALID_ARGUMENT, answer)
                self.assertTrue(answer.message)
        self.assert_serves()

    @staticmethod
    def deep(levels):
        """A body of nested lists."""
        value = field_bytes(1, b"x")
        for _ in range(levels):
            value = field_bytes(5, field_bytes(1, value))
        return field_bytes(1, field_bytes(2, field_bytes(2, field_bytes(5, value))))

    def test_an_export_of_100_megabytes(self):
        before = self.subject.peak_megabytes()
        body = access_log_export([1], padding="x" * (100 << 20))
        with Sender(self.port, timeout=30) as sender:
            answer = sender.send_once(body)
        self.assertEqual(answer.status, grpc.StatusCode.RESOURCE_EXHAUSTED, answer)
        self.assertFalse(answer.retryable, "it will never fit")
        self.assertIn("larger than max", answer.message)
        if not harness.sanitized:
            self.assertLess(self.subject.peak_megabytes() - before, 128)
        self.assert_serves()

    def test_an_export_of_40_megabytes_is_taken(self):
        with Sender(self.port, timeout=30) as sender:
            answer = sender.send_once(field_bytes(99, b"x" * (40 << 20)) + access_log_export([1]))
        self.assertTrue(answer.ok, answer)

    def test_a_gzip_bomb(self):
        before = self.subject.peak_megabytes()
        squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
        size = 600 << 20
        bomb = squeeze.compress(b"\xfa\x06" + b"\xff\xff\xff\xff\x02")  # an unknown field, huge
        chunk = bytes(1 << 20)
        for _ in range(size >> 20):
            bomb += squeeze.compress(chunk)
        bomb += squeeze.flush()
        self.assertLess(len(bomb), 700 << 10)
        answer = self.raw_export(self.message(bomb, True), "grpc-encoding: gzip")
        self.assert_status(answer, grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertNotIn("grpc-status-details-bin", answer, "no RetryInfo: it will never fit")
        if not harness.sanitized:
            self.assertLess(self.subject.peak_megabytes() - before, 200)
        self.assert_serves()

    def test_broken_compression(self):
        body = gzip.compress(access_log_export(range(10)))
        for name, message, encoding in (
                ("cut", self.message(body[:-20], True), "gzip"),
                ("noise", self.message(b"\x1f\x8b" + bytes(range(200)), True), "gzip"),
                ("not said", self.message(body, True), "identity")):
            with self.subTest(name):
                answer = self.raw_export(message, "grpc-encoding: " + encoding)
                self.assertNotIn(answer.get("grpc-status"), (None, "0"), answer)
        # Without a body: curl 7.88 overlooks answers that come before it sent all.
        answer = self.raw_export(b"", "grpc-encoding: snappy")
        self.assert_status(answer, grpc.StatusCode.UNIMPLEMENTED)
        self.assertIn("gzip", answer.get("grpc-accept-encoding", ""))
        self.assert_serves()

    def test_bad_framing(self):
        good = access_log_export([1])
        for name, body in {"short": b"\0\0\0", "longer than sent": self.message(good)[:-5],
                           "two messages": self.message(good) * 2, "empty": b"",
                           "huge length": b"\0\xff\xff\xff\xff" + good}.items():
            with self.subTest(name):
                answer = self.raw_export(body)
                self.assertNotIn(answer.get("grpc-status"), (None, "0"), answer)
        self.assert_serves()

    def test_wrong_service_and_method(self):
        for path in ("/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                     "/opentelemetry.proto.collector.logs.v1.LogsService/Import", "/nothing"):
            with self.subTest(path), grpc.insecure_channel("127.0.0.1:%d" % self.port) as channel:
                with self.assertRaises(grpc.RpcError) as raised:
                    channel.unary_unary(path)(access_log_export([1]), timeout=5)
                self.assertEqual(raised.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
                self.assertIn(path.split("/")[-1], raised.exception.details())
        answer = self.raw_export(b"{}", "content-type: application/json")
        self.assertNotEqual(answer.get("grpc-status"), "0", answer)
        self.assert_serves()

    def assert_misuse_is_named(self, word, speak):
        before = len(self.subject.log_lines("level=warn"))
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            speak(connection)
            try:
                while connection.recv(4096):
                    pass
            except ConnectionError:
                pass
        self.subject.wait_log("level=warn", word)
        self.assertEqual(len(self.subject.log_lines("level=warn")), before + 1, "one line")
        self.assert_serves()

    def test_http_1_spoken_to_the_grpc_port(self):
        self.assert_misuse_is_named("HTTP/1", lambda connection: connection.sendall(
            b"POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"))

    def test_tls_spoken_to_the_plain_port(self):
        def handshake(connection):
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with self.assertRaises((ssl.SSLError, OSError)):
                context.wrap_socket(connection.dup())
        self.assert_misuse_is_named("TLS", handshake)

    def test_broken_http_2(self):
        start = PREFACE + frame(4, 0, 0, b"")
        headers = frame(1, 4, 1, REQUEST_HEADERS)
        data = self.message(access_log_export(range(10)))
        for name, sent in {
                "nothing": b"", "half a preface": PREFACE[:10], "preface only": PREFACE,
                "cut headers": start + headers[:-5], "cut data": start + headers +
                frame(0, 1, 1, data)[:-9], "no end": start + headers + frame(0, 0, 1, data),
                "data without headers": start + frame(0, 1, 1, data),
                "frame too large": start + b"\xff\xff\xff\0\0\0\0\0\1",
                "bad hpack": start + frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff"),
                "reset": start + headers + frame(3, 0, 1, struct.pack(">I", 8)),
                "noise": bytes(range(256)) * 4}.items():
            with self.subTest(name):
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    connection.sendall(sent)
                self.assert_serves()

    def test_rapid_resets(self):
        """Streams opened and cancelled without end cost the server next to nothing."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(PREFACE + frame(4, 0, 0, b""))
            try:
                for number in range(1, 20001, 2):
                    connection.sendall(frame(1, 4, number, REQUEST_HEADERS) +
                                       frame(3, 0, number, struct.pack(">I", 8)))
            except ConnectionError:
                pass  # it may well hang up
        self.assert_serves()
        self.assert_memory_below(self.subject, 200)

    def test_slow_senders_hold_up_nobody(self):
        start = PREFACE + frame(4, 0, 0, b"") + frame(1, 4, 1, REQUEST_HEADERS)
        data = self.message(access_log_export(range(1000)))
        slow = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(100)]
        try:
            for connection in slow:
                connection.sendall(start + frame(0, 0, 1, data[:50]))
            load = Load(self.port, 50, 20, senders=8, first=10000).start().join(20)
            self.assertEqual(len(load.acked()), 1000)
            self.assertEqual(load.statuses(), {"OK": 50}, load.reasons())
        finally:
            for connection in slow:
                connection.close()

    def test_cancelled_exports(self):
        """Senders that give up at once; what they send again counts once."""
        with grpc.insecure_channel("127.0.0.1:%d" % self.port) as channel:
            call = channel.unary_unary(EXPORT)
            for first in range(0, 1000, 10):
                call.future(access_log_export(range(20000 + first, 20010 + first))).cancel()
        load = Load(self.port, 100, 10, senders=4, first=20000).start().join(20)
        self.assertEqual(len(load.acked()), 1000)
        self.assertEqual(self.destination.doubled(), {})
        self.assertLessEqual(load.acked(), self.destination.arrived())


if __name__ == "__main__":
    harness.main()
