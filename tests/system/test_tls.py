#!/usr/bin/python3
"""TLS and credentials on every listener and on the OTLP output."""

import base64
import hashlib
import json
import shutil
import socket
import ssl
import time
import unittest
import urllib.error
import urllib.request

import grpc

import harness
from harness import SystemTest, free_port, wait_until
from otlp import EXPORT, access_log_export
from servers import Certificates

INPUT = """
input:
  otel_log:
    address: 127.0.0.1:%(port)d
%(more)s
output:
  file: {path: out.jsonl, codec: lines}
"""


def read(path):
    with open(path, "rb") as file:
        return file.read()


def export(port, authority=None, client=None, host="127.0.0.1", token=None, timeout=5):
    """The status of one export over TLS; the name of the failure if there was no answer."""
    if authority is None:
        channel = grpc.insecure_channel("%s:%d" % (host, port))
    else:
        pair = {} if client is None else {"certificate_chain": read(client[0]),
                                          "private_key": read(client[1])}
        credentials = grpc.ssl_channel_credentials(read(authority.ca), **pair)
        channel = grpc.secure_channel("%s:%d" % (host, port), credentials,
                                      options=[("grpc.use_local_subchannel_pool", 1)])
    with channel:
        try:
            metadata = (("authorization", token),) if token else ()
            channel.unary_unary(EXPORT)(access_log_export([1]), timeout=timeout, metadata=metadata)
            return "OK"
        except grpc.RpcError as error:
            return error.code().name


class Tls(SystemTest):
    def setUp(self):
        super().setUp()
        self.ours = Certificates(self.directory)

    def https(self, url, authority=None, client=None, headers=None):
        """Status and body; the SSL error's text without one."""
        context = ssl.create_default_context(cafile=(authority or self.ours).ca)
        if client:
            context.load_cert_chain(*client)
        try:
            request = urllib.request.Request(url, headers=headers or {})
            with urllib.request.urlopen(request, timeout=5, context=context) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            return 0, str(error)

    def input(self, port, *lines):
        cert, key = self.ours.issue("server")
        more = "    tls:\n      enabled: true\n      cert_file: %s\n      key_file: %s\n" % (cert, key)
        return self.collector(INPUT % {"port": port, "more": more + "".join(
            "%s\n" % line for line in lines)})

    def test_exports_over_tls(self):
        port = free_port()
        collector = self.input(port)
        others = Certificates(self.directory, "others")
        self.assertEqual(export(port, self.ours), "OK")
        self.assertEqual(export(port, others, timeout=1), "UNAVAILABLE")
        time.sleep(1.1)  # misuse is logged once a second
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            try:
                while plain.recv(4096):
                    pass
            except ConnectionError:
                pass
        collector.wait_log("level=warn", "plain text", "TLS gRPC port")
        self.assertEqual(export(port, self.ours), "OK")

    def test_old_protocols_are_refused(self):
        port = free_port()
        self.input(port)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        for version, good in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
            context.maximum_version = version
            with self.subTest(version), socket.create_connection(("127.0.0.1", port), 5) as raw:
                if good:
                    with context.wrap_socket(raw) as secured:
                        self.assertEqual(secured.version(), "TLSv1.2")
                else:
                    with self.assertRaises(OSError):
                        context.wrap_socket(raw)

    def test_client_certificates(self):
        port = free_port()
        others = Certificates(self.directory, "others")
        collector = self.input(port, "      client_ca_file: %s" % self.ours.ca)
        self.assertEqual(export(port, self.ours, self.ours.issue("agent")), "OK")
        self.assertEqual(export(port, self.ours, None, timeout=1), "UNAVAILABLE")
        self.assertEqual(export(port, self.ours, others.issue("stranger"), timeout=1), "UNAVAILABLE")
        self.assertTrue(collector.log_lines("level=warn", "TLS handshake", "failed"))

    def test_tokens(self):
        port = free_port()
        collector = self.input(port, "    auth_token: hush-5711")
        for token, status in ((None, "UNAUTHENTICATED"), ("Bearer hush-5712", "UNAUTHENTICATED"),
                              ("Bearer hush-57", "UNAUTHENTICATED"), ("hush-5711", "UNAUTHENTICATED"),
                              ("Basic hush-5711", "UNAUTHENTICATED"), ("Bearer", "UNAUTHENTICATED"),
                              ("Bearer hush-5711", "OK"), ("bearer hush-5711", "OK")):
            with self.subTest(token):
                self.assertEqual(export(port, self.ours, token=token), status)
        self.assertNotIn("hush-57", collector.log())

    def test_certificates_are_followed(self):
        """A renewed certificate is used for the next connection; one half of it changes nothing."""
        port = free_port()
        collector = self.input(port)
        first_cert, first_key = [self.ours.directory / name for name in ("server.pem", "server.key")]
        held = grpc.secure_channel("127.0.0.1:%d" % port, grpc.ssl_channel_credentials(
            read(self.ours.ca)), options=[("grpc.use_local_subchannel_pool", 1)])
        with held:
            held.unary_unary(EXPORT)(access_log_export([1]), timeout=5)
            others = Certificates(self.directory, "others")
            cert, key = others.issue("server")
            shutil.copy(cert, first_cert)
            wait_until(lambda: export(port, self.ours) == "OK" and collector.log_lines(
                "level=warn", "the former ones stay in use"), 10, "half a change to be noticed")
            shutil.copy(key, first_key)
            wait_until(lambda: export(port, others, timeout=1) == "OK", 10, "the new certificate")
            self.assertTrue(collector.log_lines("level=info", "TLS files are in use"))
            # The connection that was there is still there.
            held.unary_unary(EXPORT)(access_log_export([2]), timeout=5)

    def test_the_service(self):
        cert, key = self.ours.issue("server")
        collector = self.collector("""
http:
  cert_file: %s
  key_file: %s
  client_ca_file: %s
  basic_auth:
    enabled: true
    username: ops
    password_hash: %s
input:
  generate: {mapping: root = "x", interval: 1h}
output:
  drop: {}
""" % (cert, key, self.ours.ca,
       base64.b64encode(hashlib.sha256(b"wide-0pen").digest()).decode()), ready=False)
        url = "https://127.0.0.1:%d/ping" % collector.http_port
        agent = self.ours.issue("ops")
        basic = lambda text: {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}
        wait_until(lambda: self.https(url, client=agent)[0] == 401, 10, "the service")
        self.assertEqual(self.https(url, client=agent, headers=basic("ops:wide-0pen")),
                         (200, b"pong"))
        for wrong in ("ops:wide-0pem", "oops:wide-0pen", "ops:", ":"):
            self.assertEqual(self.https(url, client=agent, headers=basic(wrong))[0], 401)
        self.assertEqual(self.https(url, headers=basic("ops:wide-0pen"))[0], 0, "no certificate")
        self.assertNotIn("wide-0pen", collector.log())

    def test_the_http_input(self):
        cert, key = self.ours.issue("server")
        port = free_port()
        collector = self.collector("""
input:
  http_server:
    address: 127.0.0.1:%d
    cert_file: %s
    key_file: %s
    client_ca_file: %s
    auth_token: hush-5711
    max_body_bytes: 100000
output:
  file: {path: 'out.jsonl', codec: lines}
""" % (port, cert, key, self.ours.ca))
        url = "https://127.0.0.1:%d/post" % port
        agent = self.ours.issue("agent")
        context = ssl.create_default_context(cafile=self.ours.ca)
        context.load_cert_chain(*agent)
        def post(body, token):
            headers = {"Authorization": "Bearer " + token} if token else {}
            request = urllib.request.Request(url, body, headers)
            try:
                with urllib.request.urlopen(request, timeout=5, context=context) as response:
                    return response.status
            except urllib.error.HTTPError as error:
                return error.code
        self.assertEqual(post(b"a", "hush-5711"), 200)
        self.assertEqual(post(b"a", "hush-5712"), 401)
        self.assertEqual(post(b"a", None), 401)
        self.assertEqual(post(b"x" * 100001, "hush-5711"), 413)
        self.assertEqual(self.https(url)[0], 0, "no certificate")
        time.sleep(1.1)  # misuse is logged once a second
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            plain.recv(100)
        collector.wait_log("level=warn", "HTTP")
        self.assertNotIn("hush-57", collector.log())

    def test_strangers_on_the_http_port(self):
        collector = self.collector("input:\n  generate: {mapping: root = 1, interval: 1h}\n"
                                   "output:\n  drop: {}\n")
        for sent, words in ((b"\x16\x03\x01\x02\x00\x01\x00\x01", ("TLS handshake", "plaintext HTTP")),
                            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ("gRPC", "4317"))):
            with socket.create_connection(("127.0.0.1", collector.http_port), 5) as stranger:
                stranger.sendall(sent)
                stranger.recv(100)
            collector.wait_log("level=warn", *words)
            time.sleep(1.1)  # the reporter speaks once a second
        self.assertEqual(harness.get(collector.endpoint("/ping"))[0], 200)

    def test_from_output_to_input(self):
        """Our OTLP output over mTLS with a token."""
        port = free_port()
        collector = self.input(port, "      client_ca_file: %s" % self.ours.ca,
                               "    auth_token: hush-5711")
        cert, key = self.ours.issue("forwarder")
        path = self.write("forward.yaml", """
input:
  generate:
    count: 100
    interval: ""
    batch_size: 10
    mapping: 'root.record.body = "n%%d".format(counter())'
output:
  otel_log:
    address: localhost:%d
    auth_token: hush-5711
    tls:
      enabled: true
      root_cas_file: %s
      client_certs: [{cert_file: %s, key_file: %s}]
""" % (port, self.ours.ca, cert, key))
        done = harness.run("run", "-s", "http.enabled=false", path, cwd=self.directory)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(collector.stop(), 0)
        with open(self.directory + "/out.jsonl") as file:
            bodies = {json.loads(line)["record"]["body"] for line in file}
        self.assertEqual(len(bodies), 100)
        self.assertNotIn("hush-57", collector.log() + done.stdout + done.stderr)

    def test_a_refused_token_is_trouble_and_no_verdict_on_the_records(self):
        """Records that a receiver turns away for our token wait for a better one."""
        port, source = free_port(), free_port()
        self.input(port, "    auth_token: hush-5711")
        middle = self.collector("""
input:
  otel_log:
    address: 127.0.0.1:%d
output:
  otel_log:
    address: localhost:%d
    auth_token: outdated
    tls: {enabled: true, root_cas_file: %s}
""" % (source, port, self.ours.ca))
        self.assertEqual(export(source, host="127.0.0.1"), "UNAVAILABLE")
        self.assertEqual(middle.ledger()["failed"], 1)


if __name__ == "__main__":
    harness.main()
