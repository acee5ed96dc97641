#!/usr/bin/python3
"""No secret leaves by a log, an error, a metric, an endpoint or a command, whatever fails."""

import base64
import os
import stat
import unittest
from pathlib import Path
from urllib.parse import urlsplit

import harness
from harness import SystemTest, free_port, get, run, wait_until
from otlp import Sender, access_log_export
from servers import Answer, Proxy, Recorder

# Each appears in one place of the configuration only; those that no secret field is there for come
# from the environment.
NAMES = ("token cookie apikey query user-pw basic oauth-cs oauth-ats oauth2 proxy-pw ingest identity "
         "post env").split()
SECRETS = {name: "S3CRET-%s-1f9c" % name for name in NAMES}

CONFIG = """
logger: {level: ALL}
http:
  debug_endpoints: true
input:
  broker:
    inputs:
      - otel_log:
          address: 127.0.0.1:%(grpc)d
          auth_token: %(ingest)s
          identity_key: %(identity)s
      - http_server:
          address: 127.0.0.1:%(post_port)d
          auth_token: %(post)s
pipeline:
  processors:
    - mapping: |
        root = {"id": uuid_v4(), "source": "logs", "specversion": "1.0", "type": "call",
                "subject": "s"}
output:
  broker:
    pattern: fan_out_sequential
    outputs:
      - fallback:
          - http_client:
              url: http://me:${USER_PASSWORD}@127.0.0.1:%(port)d/in?access_token=${QUERY_TOKEN}
              headers:
                Authorization: Bearer ${THE_TOKEN}
                Cookie: session=${SESSION_COOKIE}
                X-Api-Key: ${API_KEY}
              dump_request_log_level: INFO
              retries: 1
              retry_period: 1ms
              drop_on: [400]
          - file: {path: dead.jsonl, codec: lines}
      - fallback:
          - http_client:
              url: http://127.0.0.1:%(port)d/basic
              basic_auth: {enabled: true, username: me, password: %(basic)s}
              dump_request_log_level: INFO
              retries: 0
          - drop: {}
      - fallback:
          - http_client:
              url: http://127.0.0.1:%(port)d/one
              oauth:
                enabled: true
                consumer_key: ck
                consumer_secret: %(oauth-cs)s
                access_token: at
                access_token_secret: %(oauth-ats)s
              dump_request_log_level: INFO
              retries: 0
          - drop: {}
      - fallback:
          - http_client:
              url: http://127.0.0.1:%(port)d/two
              oauth2:
                enabled: true
                client_key: id
                client_secret: %(oauth2)s
                token_url: http://127.0.0.1:%(port)d/token
              proxy_url: http://agent:${PROXY_PASSWORD}@127.0.0.1:%(proxy)d
              dump_request_log_level: INFO
              retries: 0
          - drop: {}
      - fallback:
          - openmeter: {url: 'http://127.0.0.1:%(port)d', token: %(token)s, max_in_flight: 1}
          - drop: {}
"""


class Secrets(SystemTest):
    def forms_of(self, secret):
        """A secret as it is and as the protocols carry it."""
        yield secret
        for user in ("me", "agent", "id"):
            yield base64.b64encode(("%s:%s" % (user, secret)).encode()).decode()

    def assert_clean(self, where, text):
        for name, secret in SECRETS.items():
            for form in self.forms_of(secret):
                at = text.find(form)
                self.assertEqual(at, -1, "the %s secret in %s: …%s…" %
                                 (name, where, text[max(at - 200, 0):at + 60]))

    def test_everywhere(self):
        def echo(got):
            """What a careless server says: everything it was told."""
            said = got.target + "\n" + "\n".join("%s: %s" % pair for pair in got.headers)
            if urlsplit(got.target).path == "/token":  # a proxy's requests have whole URLs
                said += got.body.decode()
            return Answer(400 if got.number % 2 else 500, said.encode(), {"Set-Cookie": "a=b"})
        environment = {variable: SECRETS[name] for variable, name in (
            ("THE_TOKEN", "env"), ("USER_PASSWORD", "user-pw"), ("QUERY_TOKEN", "query"),
            ("SESSION_COOKIE", "cookie"), ("API_KEY", "apikey"), ("PROXY_PASSWORD", "proxy-pw"))}
        with Recorder(echo) as server, Proxy() as proxy:
            values = dict(SECRETS, grpc=free_port(), post_port=free_port(), port=server.port,
                          proxy=proxy.port)
            path = self.write("secrets.yaml", CONFIG % values)
            collector = self.collector(path, ready=False, env=environment,
                                       grpc_port=values["grpc"])
            with Sender(values["grpc"]) as sender:
                for token in ("Bearer " + SECRETS["ingest"], "Bearer wrong"):
                    sender.metadata = (("authorization", token),)
                    wait_until(lambda: sender.send_once(access_log_export([1])).status.name !=
                               "UNAVAILABLE" or server.count() > 0, 10, "an answer")
                    sender.send_once(access_log_export([2]))
            post = "http://127.0.0.1:%d/post" % values["post_port"]
            for token in (SECRETS["post"], "wrong"):
                harness.post(post, b"{}", {"Authorization": "Bearer " + token})
            wait_until(lambda: {"/basic", "/one", "/token", "/api/v1/events"} <=
                       {urlsplit(got.target).path for got in server.got}, 20, "every request")
            wait_until(lambda: any(got.target.startswith("/in?") for got in server.got), 10, "/in")
            self.assertIn(SECRETS["env"], "".join(got.header("Authorization") or ""
                                                  for got in server.got), "it was sent")
            for page in ("/metrics", "/stats", "/ready", "/endpoints", "/version",
                         "/debug/config/json", "/debug/config/yaml"):
                status, text = get(collector.endpoint(page))
                self.assert_clean(page, text)
                self.assertNotEqual(status, 404, page)
            collector.stop()
            log = collector.log()
            self.assertIn("http request log", log)
            self.assertIn("redacted", log)
            self.assert_clean("the log", log)
            self.assert_clean("the dead letters", (Path(self.directory) / "dead.jsonl").read_text())
            for command in ("echo", "lint"):
                done = run(command, path, env=environment, cwd=self.directory)
                self.assert_clean(command, done.stdout + done.stderr)

    def test_a_configuration_that_does_not_start(self):
        """Lints and failures to start show no values of secret fields."""
        path = self.write("bad.yaml", """
input: {otel_log: {address: nowhere, auth_token: %(ingest)s}}
output:
  http_client:
    url: http://me:%(user-pw)s@127.0.0.1:1/
    basic_auth: {enabled: maybe, password: %(basic)s}
    tls: {enabled: true, client_certs: [{cert: x, key: %(token)s, password: %(cookie)s}]}
""" % SECRETS)
        for command in (["lint"], ["run", "-s", "http.enabled=false"],
                        ["run", "--chilled", "-s", "http.enabled=false"]):
            done = run(*command, path)
            self.assertNotEqual(done.returncode, 0)
            self.assert_clean(command, done.stdout + done.stderr)

    def test_files_are_for_their_owner(self):
        os.mkdir(self.directory + "/out")
        os.umask(0)
        self.addCleanup(os.umask, 0o022)
        path = self.write("files.yaml", """
logger: {file: {path: out/the.log}}
input: {generate: {count: 3, interval: "", mapping: root = "x"}}
buffer: {journal: {path: out/journal}}
cache_resources:
  - label: kept
    file: {directory: cached}
pipeline:
  processors:
    - cache: {resource: kept, operator: set, key: k, value: v}
output: {file: {path: out/data.txt, codec: lines}}
""")
        (Path(self.directory) / "cached").mkdir()
        done = run("run", "-s", "http.enabled=false", path, cwd=self.directory)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        seen = 0
        for folder in ("out", "cached"):
            for file in (Path(self.directory) / folder).rglob("*"):
                if file.is_file():
                    seen += 1
                    self.assertEqual(stat.S_IMODE(file.stat().st_mode) & 0o077, 0, file)
        self.assertGreaterEqual(seen, 4)


if __name__ == "__main__":
    harness.main()
