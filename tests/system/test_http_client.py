#!/usr/bin/python3
"""The HTTP client against servers that we did not write: attempts, waits, TLS, credentials, proxies."""

import base64
import email.utils
import gzip
import hashlib
import hmac
import json
import subprocess
import threading
import time
import unittest
import urllib.parse

import harness
from harness import SystemTest, free_port, post, run, wait_until
from servers import Answer, Certificates, Nginx, OpensslServer, Proxy, Recorder

GENERATE = """
input:
  generate:
    count: %(count)d
    interval: ""
    batch_size: %(batch)d
    auto_replay_nacks: false
    mapping: |
      root.n = counter() - 1
      meta region = "eu"
      meta secret_note = "x"
"""


def indented(text, spaces=4):
    return "".join(" " * spaces + line + "\n" for line in text.strip("\n").splitlines())


class HttpClient(SystemTest):
    def deliver(self, fields, count=1, batch=1, before="", env=None, timeout=30):
        """Runs the program until it has sent `count` messages, or given them up; all it said."""
        path = self.write("client.yaml", GENERATE % {"count": count, "batch": batch} + before +
                          "output:\n  drop_on:\n    error: true\n    output:\n      http_client:\n" +
                          indented(fields, 8))
        done = run("run", "-s", "http.enabled=false", path, cwd=self.directory, env=env,
                   timeout=timeout)
        return done.stdout + done.stderr

    def gaps(self, recorder):
        times = [got.at for got in recorder.got]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    # Attempts and waits

    def statuses(self, *each):
        return lambda got: Answer(each[got.number] if got.number < len(each) else 200)

    def test_the_wait_is_constant_but_for_backoff_on(self):
        for name, statuses, more, expected in (
                ("constant", (500,) * 3, "", (0.2, 0.2, 0.2)),
                ("growing", (429,) * 4, "retries: 4", (0.2, 0.4, 0.8, 1.6)),
                ("growing on others", (503,) * 2, "backoff_on: [503]", (0.2, 0.4)),
                ("capped", (429,) * 4, "retries: 4\nmax_retry_backoff: 300ms",
                 (0.2, 0.3, 0.3, 0.3))):
            with self.subTest(name), Recorder(self.statuses(*statuses)) as server:
                log = self.deliver("url: %s\nretry_period: 200ms\n%s" % (server.url(), more))
                gaps = self.gaps(server)
                self.assertEqual(len(gaps), len(expected), log)
                for gap, wait in zip(gaps, expected):
                    # A fifth more or less, and what a busy machine adds.
                    self.assertGreater(gap, wait * 0.79)
                    self.assertLess(gap, wait * 1.21 + 0.15)

    def test_retry_after(self):
        date = lambda seconds: email.utils.formatdate(time.time() + seconds, usegmt=True)
        for name, header, low, high in (("seconds", lambda: "1", 1.0, 1.3),
                                        ("a date", lambda: date(2), 0.9, 2.3),
                                        ("a date that has passed", lambda: date(-10), 0, 0.3),
                                        ("nonsense", lambda: "soon", 0.04, 0.3)):
            def script(got):
                return Answer(503, headers={"Retry-After": header()}) if got.number == 0 else Answer()
            with self.subTest(name), Recorder(script) as server:
                self.deliver("url: %s\nretry_period: 50ms" % server.url())
                (gap,) = self.gaps(server)
                self.assertGreaterEqual(gap, low)
                self.assertLess(gap, high)

    def test_how_often(self):
        for statuses, fields, requests in (
                ((500,) * 9, "", 4), ((500,) * 9, "retries: 0", 1), ((500,) * 9, "retries: 6", 7),
                ((400,) * 9, "drop_on: [400]", 1), ((404,) * 9, "successful_on: [404]", 1),
                ((404,) * 9, "", 4), ((429,) * 9, "drop_on: [429]", 1)):
            with self.subTest(fields, statuses=statuses), \
                    Recorder(self.statuses(*statuses)) as server:
                self.deliver("url: %s\nretry_period: 1ms\n%s" % (server.url(), fields))
                self.assertEqual(server.count(), requests)

    def test_a_request_that_waits_holds_up_no_other(self):
        def script(got):
            if json.loads(got.body)["n"] == 7:
                return Answer(429, headers={"Retry-After": "60"})
            together.wait(20)
            return Answer()
        together = threading.Barrier(63)
        with Recorder(script) as server:
            collector = self.collector(GENERATE % {"count": 64, "batch": 1} + """
output:
  http_client:
    url: %s
    max_in_flight: 64
    timeout: 30s
""" % server.url())
            # The barrier opens only when all 63 are under way at the same time.
            wait_until(lambda: collector.metric("output_sent") == 63, 20, "63 delivered")
            self.assertFalse(together.broken)
            self.assertEqual(server.count(), 64)
            collector.kill()

    def test_rate_limit(self):
        limits = "rate_limit_resources:\n  - label: slow\n    local: {count: 2, interval: 300ms}\n"
        with Recorder() as server:
            self.deliver("url: %s\nrate_limit: slow" % server.url(), count=6, before=limits)
            self.assertEqual(server.count(), 6)
            self.assertGreater(server.got[-1].at - server.got[0].at, 0.55)

    def test_timeouts(self):
        def script(got):
            if got.number == 0:
                time.sleep(2)
            return Answer()
        with Recorder(script) as server:
            log = self.deliver("url: %s\ntimeout: 300ms\nretry_period: 1ms" % server.url())
            self.assertEqual(server.count(), 2)
            self.assertLess(self.gaps(server)[0], 1.5)
            self.assertNotIn("level=error", log)

    def test_what_failed_is_said(self):
        port = free_port()
        def hangs(got):
            time.sleep(1)
            return Answer()
        with Recorder(hangs) as server:
            for url, fields, text in (
                    ("http://127.0.0.1:%d/in" % port, "", "connection refused"),
                    ("http://no-such-host.invalid/in", "", "no such host"),
                    (server.url(), "timeout: 100ms", "context deadline exceeded")):
                with self.subTest(text):
                    log = self.deliver("url: %s\nretries: 0\n%s" % (url, fields))
                    self.assertIn(text, log)
                    self.assertIn(url, log)

    # Connections

    def test_connections_are_kept(self):
        with Recorder() as server:
            self.deliver("url: %s\nmax_in_flight: 1" % server.url(), count=50)
            self.assertEqual(server.count(), 50)
            self.assertEqual({got.connection for got in server.got}, {1})

    def test_a_connection_that_the_server_closed_is_not_an_error(self):
        with Recorder(lambda got: Answer(hang_up=True)) as server:
            log = self.deliver("url: %s\nmax_in_flight: 4\nretries: 0" % server.url(), count=200)
            self.assertEqual(sorted(json.loads(body)["n"] for body in server.bodies()),
                             list(range(200)))
            self.assertNotIn("level=error", log)

    def test_nginx_over_http_1_and_2(self):
        page = Certificates(self.directory)
        certificate = page.issue("nginx")
        for name, http2, fields, protocol in (
                ("offered", True, "", "HTTP/2.0"), ("not offered", False, "", "HTTP/1.1"),
                ("turned off", True, "disable_http2: true", "HTTP/1.1")):
            # Nginx ends each connection after ten requests, and answers before it read the body.
            with self.subTest(name), Nginx("location / { return 202; } keepalive_requests 10;",
                                           certificate, http2) as nginx:
                log = self.deliver("""
url: https://127.0.0.1:%d/in
%s
retries: 0
max_in_flight: 8
tls:
  enabled: true
  root_cas_file: %s
""" % (nginx.port, fields, page.ca), count=200)
                seen = nginx.access()
                self.assertEqual({line[0] for line in seen}, {protocol})
                if protocol == "HTTP/1.1":
                    self.assertNotIn("level=error", log)
                    self.assertEqual(len(seen), 200)
                    self.assertGreater(len({line[4] for line in seen}), 10, "connections")
                # Over HTTP/2 libcurl may find its stream reset before it read the answer; what it
                # sent is then sent again, or given up here.

    def test_refusals_over_http_2_are_matched_by_their_text(self):
        page = Certificates(self.directory)
        with Nginx("location / { return 400; }", page.issue("nginx"), True) as nginx:
            path = self.write("drop.yaml", GENERATE % {"count": 1, "batch": 1} + """
output:
  drop_on:
    error_patterns: [Bad Request]
    output:
      http_client:
        url: https://127.0.0.1:%d/in
        drop_on: [400]
        tls: {enabled: true, root_cas_file: %s}
""" % (nginx.port, page.ca))
            done = run("run", "-s", "http.enabled=false", path)
            self.assertIn("dropped 1", done.stdout + done.stderr)
            self.assertIn("(400): 400 Bad Request", done.stdout + done.stderr)
            self.assertEqual(nginx.access()[0][0], "HTTP/2.0")

    # TLS

    def tls(self, server, fields, host="127.0.0.1", retries=0):
        return self.deliver("url: %s\nretries: %d\ntls:\n  enabled: true\n%s" %
                            (server.url(host=host), retries, indented(fields, 2)))

    def test_authorities(self):
        ours, others = Certificates(self.directory), Certificates(self.directory, "others")
        inline = "root_cas: |\n" + indented(ours.ca.read_text(), 2)
        with Recorder(tls=ours.server_context()) as server:
            for fields, good in (("root_cas_file: %s" % ours.ca, True), (inline, True),
                                 ("root_cas_file: %s" % others.ca, False), ("", False)):
                with self.subTest(fields[:16], good=good):
                    before = server.count()
                    log = self.tls(server, fields)
                    self.assertEqual(server.count() - before, int(good), log)
                    self.assertEqual("certificate" in log, not good)
            self.assertIn("tls.root_cas_file", log, "what to do")

    def test_unchecked_certificates_are_warned_of(self):
        ours = Certificates(self.directory)
        with Recorder(tls=ours.server_context()) as server:
            log = self.tls(server, "skip_cert_verify: true")
            self.assertEqual(server.count(), 1)
            self.assertIn("tls.skip_cert_verify is on", log)
            self.assertNotIn("skip_cert_verify", self.tls(server, "root_cas_file: %s" % ours.ca))

    def test_the_name_is_sent_and_checked(self):
        ours = Certificates(self.directory)
        context = ours.server_context()
        with Recorder(tls=context) as server:
            self.tls(server, "root_cas_file: %s" % ours.ca, host="localhost")
            self.assertEqual(server.got[0].server_name, "localhost")
        wrong = Certificates(self.directory, "wrong-name")
        import ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*wrong.issue("other", "DNS:other.example"))
        with Recorder(tls=context) as server:
            log = self.tls(server, "root_cas_file: %s" % wrong.ca, host="localhost")
            self.assertEqual(server.count(), 0)
            self.assertIn("certificate", log)

    def test_client_certificates(self):
        ours = Certificates(self.directory)
        cert, key = ours.issue("agent-7")
        locked, locked_key = ours.issue("agent-8", password="opensesame")
        inline = "client_certs:\n  - cert: |\n%s    key: |\n%s" % (
            indented(cert.read_text(), 6), indented(key.read_text(), 6))
        with Recorder(tls=ours.server_context(want_client=ours)) as server:
            for fields, who in (
                    ("client_certs: [{cert_file: %s, key_file: %s}]" % (cert, key), "agent-7"),
                    (inline, "agent-7"),
                    ("client_certs: [{cert_file: %s, key_file: %s, password: opensesame}]" %
                     (locked, locked_key), "agent-8"), ("", None)):
                with self.subTest(who=who):
                    before = server.count()
                    log = self.tls(server, "root_cas_file: %s\n%s" % (ours.ca, fields))
                    self.assertEqual(server.count() - before, int(who is not None), log)
                    if who:
                        self.assertEqual(server.got[-1].client, who)
        done = self.tls(server, "client_certs: [{cert_file: %s, key_file: %s, password: wrong-1}]" %
                        (locked, locked_key))
        self.assertIn("client_certs", done)
        self.assertNotIn("wrong-1", done)

    def test_old_protocols_are_refused(self):
        ours = Certificates(self.directory)
        certificate = ours.issue("old")
        for version, good in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
            with self.subTest(version), OpensslServer(certificate, version, "-cipher",
                                                      "ALL:@SECLEVEL=0") as server:
                log = self.deliver("""
url: https://127.0.0.1:%d/
verb: GET
retries: 0
tls: {enabled: true, root_cas_file: %s}
""" % (server.port, ours.ca))
                self.assertEqual("level=error" not in log, good, log)

    # Credentials

    def test_basic_authentication_and_oauth_1(self):
        with Recorder() as server:
            self.deliver("url: %s\nbasic_auth: {enabled: true, username: me, password: pw}" %
                         server.url())
            self.assertEqual(server.got[0].header("Authorization"),
                             "Basic " + base64.b64encode(b"me:pw").decode())
        with Recorder() as server:
            self.deliver("""
url: %s
oauth:
  enabled: true
  consumer_key: ck
  consumer_secret: cs
  access_token: at
  access_token_secret: ats
""" % server.url("/in?b=2&a=1"))
            header = server.got[0].header("Authorization")
            self.assertTrue(header.startswith("OAuth "), header)
            given = {k: urllib.parse.unquote(v.strip('"')) for k, v in
                     (pair.split("=", 1) for pair in header[6:].split(","))}
            signature = given.pop("oauth_signature")
            quote = lambda text: urllib.parse.quote(text, safe="")
            parameters = "&".join("%s=%s" % (quote(k), quote(v)) for k, v in sorted(
                [*given.items(), ("a", "1"), ("b", "2")]))
            base = "&".join(("POST", quote(server.url("/in")), quote(parameters)))
            expected = hmac.new(b"cs&ats", base.encode(), hashlib.sha1).digest()
            self.assertEqual(signature, base64.b64encode(expected).decode())
            self.assertLess(abs(int(given["oauth_timestamp"]) - time.time()), 60)

    def test_oauth_2(self):
        """Servers want the credentials in a header or in the form; either way one token serves all."""
        for in_header in (True, False):
            def script(got):
                if got.target != "/token":
                    good = got.header("Authorization") == "Bearer token-1"
                    return Answer(200 if good else 401)
                form = urllib.parse.parse_qs(got.body.decode())
                basic = got.header("Authorization") == "Basic " + base64.b64encode(b"id:s3cr3t").decode()
                body = form.get("client_id") == ["id"] and form.get("client_secret") == ["s3cr3t"]
                if not (basic if in_header else body):
                    return Answer(401, b'{"error":"invalid_client"}')
                forms.append(form)
                return Answer(200, json.dumps({"access_token": "token-1", "token_type": "bearer",
                                               "expires_in": 3600}).encode(),
                              {"Content-Type": "application/json"})
            forms = []
            with self.subTest(in_header=in_header), Recorder(script) as server:
                log = self.deliver("""
url: %s
retries: 0
oauth2:
  enabled: true
  client_key: id
  client_secret: s3cr3t
  token_url: %s
  scopes: [one, two]
  endpoint_params: {audience: [meter]}
""" % (server.url(), server.url("/token")), count=20)
                self.assertNotIn("level=error", log)
                self.assertEqual(len(forms), 1, "one token")
                self.assertEqual(forms[0]["grant_type"], ["client_credentials"])
                self.assertEqual(forms[0]["scope"], ["one two"])
                self.assertEqual(forms[0]["audience"], ["meter"])
                self.assertEqual(sum(got.target == "/in" for got in server.got), 20)

    def test_json_web_tokens(self):
        for method, make, verify in (
                ("RS256", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                 ["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "signed"]),
                ("RS512", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                 ["dgst", "-sha512", "-verify", "public.pem", "-signature", "signature", "signed"]),
                ("EdDSA", ["-algorithm", "ED25519"],
                 ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin", "-in", "signed",
                  "-sigfile", "signature"])):
            with self.subTest(method), Recorder() as server:
                openssl = lambda *arguments: subprocess.run(
                    ["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)
                openssl("genpkey", *make, "-out", "private.pem")
                openssl("pkey", "-in", "private.pem", "-pubout", "-out", "public.pem")
                self.deliver("""
url: %s
jwt:
  enabled: true
  private_key_file: private.pem
  signing_method: %s
  claims: {iss: meter, n: 7}
  headers: {kid: k1}
""" % (server.url(), method))
                scheme, _, token = server.got[0].header("Authorization").partition(" ")
                self.assertEqual(scheme, "Bearer")
                decode = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
                head, claims, signature = token.split(".")
                self.assertEqual(json.loads(decode(head)),
                                 {"alg": method, "typ": "JWT", "kid": "k1"})
                self.assertEqual(json.loads(decode(claims)), {"iss": "meter", "n": 7})
                self.write("signed", head + "." + claims)
                self.write("signature", "").write_bytes(decode(signature))
                openssl(*verify)

    def test_redirects(self):
        with Recorder() as other:
            def script(got):
                if got.target == "/in":
                    return Answer(307, headers={"Location": "/here"})
                if got.target == "/here":
                    return Answer(308, headers={"Location": other.url("/there")})
                return Answer()
            with Recorder(script) as server:
                self.deliver("""
url: %s
headers: {Authorization: Bearer t0ps3cret, Cookie: c=1, X-Other: kept}
""" % server.url())
                self.assertEqual([got.header("Authorization") for got in server.got],
                                 ["Bearer t0ps3cret"] * 2)
                (got,) = other.got
                self.assertEqual((got.method, got.target, got.body), ("POST", "/there", b'{"n":0}'))
                self.assertIsNone(got.header("Authorization"))
                self.assertIsNone(got.header("Cookie"))
                self.assertEqual(got.header("X-Other"), "kept")
                self.deliver("url: %s\nfollow_redirects: false" % server.url())
                self.assertEqual(other.count(), 1)

    def test_proxies(self):
        ours = Certificates(self.directory)
        with Proxy() as proxy, Recorder() as plain, Recorder(tls=ours.server_context()) as secure:
            log = self.deliver("""
url: %s
headers: {Authorization: Bearer t0ps3cret}
proxy_url: http://agent:pr0xypass@127.0.0.1:%d
""" % (plain.url(), proxy.port))
            self.assertTrue(proxy.heads[0].startswith("POST %s HTTP/1.1" % plain.url()), proxy.heads)
            self.assertIn("Proxy-Authorization: Basic " +
                          base64.b64encode(b"agent:pr0xypass").decode(), proxy.heads[0])
            self.assertEqual(plain.count(), 1)
            self.deliver("""
url: %s
headers: {Authorization: Bearer t0ps3cret}
tls: {enabled: true, root_cas_file: %s}
proxy_url: http://127.0.0.1:%d
""" % (secure.url(), ours.ca, proxy.port))
            self.assertTrue(proxy.heads[1].startswith("CONNECT 127.0.0.1:%d " % secure.port))
            self.assertNotIn("t0ps3cret", proxy.heads[1], "the tunnel's end is nobody's business")
            self.assertEqual(secure.got[0].header("Authorization"), "Bearer t0ps3cret")
            # As the environment says, but for loopback.
            self.deliver("url: %s" % plain.url(), env={"HTTP_PROXY": "http://127.0.0.1:1"})
            self.assertEqual(plain.count(), 2)
        log = self.deliver("url: http://127.0.0.1:1/in\nretries: 0\n"
                           "proxy_url: http://agent:pr0xypass@127.0.0.1:1")
        self.assertIn("level=error", log)
        self.assertNotIn("pr0xypass", log)

    # Content

    def test_interpolation_for_each_message(self):
        with Recorder() as server:
            self.deliver("""
url: %s
verb: PUT
headers:
  X-Number: ${! this.n }
  X-Region: ${! meta("region") }
metadata: {include_prefixes: [reg]}
""" % server.url('/in/${! this.n }'), count=3, batch=3)
            self.assertEqual([(got.method, got.target, got.header("X-Number"),
                               got.header("X-Region"), got.header("Region"),
                               got.header("Secret_note")) for got in server.got],
                             [("PUT", "/in/%d" % n, str(n), "eu", "eu", None) for n in range(3)])

    def test_multipart(self):
        with Recorder() as server:
            self.deliver("url: %s\nbatch_as_multipart: true" % server.url(), count=3, batch=3)
            self.deliver("""
url: %s
multipart:
  - content_type: text/plain
    content_disposition: form-data; name="who"
    body: me ${! this.n }
""" % server.url())
            parts = []
            import email
            for got in server.got:
                message = email.message_from_bytes(
                    b"Content-Type: " + got.header("Content-Type").encode() + b"\r\n\r\n" + got.body)
                parts.append([(part.get_content_type(), part.get_payload(decode=True))
                              for part in message.get_payload()])
            self.assertEqual(parts, [
                [("application/octet-stream", b'{"n":%d}' % n) for n in range(3)],
                [("text/plain", b"me 0")]])

    def test_compressed_bodies(self):
        with Recorder() as server:
            self.deliver("""
url: %s
headers: {Content-Encoding: gzip, Content-Type: application/json}
batching:
  count: 100
  processors:
    - archive: {format: json_array}
    - compress: {algorithm: gzip}
""" % server.url(), count=100)
            (got,) = server.got
            self.assertEqual(got.header("Content-Encoding"), "gzip")
            self.assertEqual([each["n"] for each in json.loads(gzip.decompress(got.body))],
                             list(range(100)))

    def test_the_response_goes_to_whoever_asked(self):
        port = free_port()
        def script(got):
            return Answer(201, b"<" + got.body + b">", {"X-Limit": "7", "X-Two": ["a", "b"],
                                                        "Other": "o"})
        with Recorder(script) as server:
            self.collector("""
input:
  http_server:
    address: 127.0.0.1:%d
    sync_response:
      status: ${! meta("http_status_code") }
      headers: {X-Seen: '${! meta("x-limit") } ${! meta("x-two") } ${! meta("other").or("none") }'}
output:
  http_client:
    url: %s
    propagate_response: true
    extract_headers: {include_prefixes: [x-]}
""" % (port, server.url()))
            import urllib.request
            with urllib.request.urlopen("http://127.0.0.1:%d/post" % port, b"hi") as response:
                self.assertEqual(response.status, 201)
                self.assertEqual(response.read(), b"<hi>")
                self.assertEqual(response.headers["X-Seen"], '7 ["a","b"] none')


if __name__ == "__main__":
    harness.main()
