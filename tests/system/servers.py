"""Real servers that tests of the HTTP and TLS side put beside the program.

`Recorder` is Python's own HTTP/1.1 server with a script; `Nginx` and `OpensslServer` are what others
run; `Certificates` makes an authority and what it signs with the openssl program.
"""

import http.server
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness import free_port, wait_until


@dataclass
class Got:
    """A request as it came."""
    number: int          # 0 is the first
    method: str
    target: str
    headers: list        # (name, value) as sent
    body: bytes
    at: float            # monotonic seconds
    connection: int      # which of the server's connections it came on
    server_name: str     # of the TLS handshake, None without
    client: str          # common name of the client's certificate, None without

    def header(self, name):
        """The first value, or None."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    hang_up: bool = False        # closes the connection after the answer without saying so


class Recorder:
    """Answers each request as `script(got)` says and remembers it. TLS if given a context."""

    def __init__(self, script=None, tls=None):
        self.script = script or (lambda got: Answer())
        self.got = []
        self._lock = threading.Lock()
        self._connections = 0
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                with recorder._lock:
                    recorder._connections += 1
                    self.connection_number = recorder._connections

            def serve(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                certificate = self.connection.getpeercert() if tls else None
                names = dict(pair[0] for pair in certificate["subject"]) if certificate else {}
                with recorder._lock:
                    got = Got(len(recorder.got), self.command, self.path,
                              list(self.headers.items()), body, time.monotonic(),
                              self.connection_number,
                              getattr(self.connection, "wanted_name", None),
                              names.get("commonName"))
                    recorder.got.append(got)
                answer = recorder.script(got)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    for each in value if isinstance(value, list) else [value]:
                        self.send_header(name, each)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
                if answer.hang_up:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass  # clients that go are part of the tests

            def get_request(self):
                connection, address = super().get_request()
                if tls:
                    # The handshake is the handler thread's, so that one client cannot hold up others.
                    connection = tls.wrap_socket(connection, server_side=True,
                                                 do_handshake_on_connect=False)
                return connection, address

        if tls:
            def remember(connection, name, _):
                connection.wanted_name = name
            tls.sni_callback = remember
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.scheme = "https" if tls else "http"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path="/in", host="127.0.0.1"):
        return "%s://%s:%d%s" % (self.scheme, host, self.port, path)

    def count(self):
        with self._lock:
            return len(self.got)

    def bodies(self):
        with self._lock:
            return [got.body for got in self.got]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Certificates:
    """An authority, and certificates that it signs for 127.0.0.1, localhost and other names."""

    def __init__(self, directory, name="authority"):
        self.directory = Path(directory) / ("pki-" + name)
        self.directory.mkdir()
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
                      "-subj", "/CN=" + name)
        self.ca = self.directory / "ca.pem"

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True,
                       capture_output=True)

    def issue(self, name, alternatives="IP:127.0.0.1,DNS:localhost", password=None):
        """Paths of a new certificate and its key."""
        (self.directory / (name + ".ext")).write_text("subjectAltName=" + alternatives)
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        self._openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                      "-CAcreateserial", "-days", "2", "-out", name + ".pem",
                      "-extfile", name + ".ext")
        if password:
            self._openssl("pkcs8", "-topk8", "-in", name + ".key", "-out", name + ".enc",
                          "-passout", "pass:" + password)
            os.replace(self.directory / (name + ".enc"), self.directory / (name + ".key"))
        return self.directory / (name + ".pem"), self.directory / (name + ".key")

    def server_context(self, name="server", want_client=None):
        """For Recorder. `want_client`: an authority whose certificates clients must show."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name))
        if want_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(want_client.ca)
        return context


class Nginx:
    """An nginx of its own. `server` is the inside of a server block without `listen`."""

    def __init__(self, server, tls=None, http2=False, http=""):
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="tollgate-nginx-"))
        listen = "127.0.0.1:%d%s%s" % (self.port, " ssl" if tls else "", " http2" if http2 else "")
        certificate = ("ssl_certificate %s; ssl_certificate_key %s;" % tls) if tls else ""
        (self.directory / "nginx.conf").write_text("""
            daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
            events { worker_connections 512; }
            http {
              log_format plain '$server_protocol $request_method $uri $status $connection';
              access_log access.log plain;
              client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t;
              scgi_temp_path t;
              %s
              server { listen %s; %s %s }
            }""" % (http, listen, certificate, server))
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "/usr/sbin/nginx", "-p", str(self.directory),
             "-c", "nginx.conf", "-e", str(self.directory / "error.log")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._listening, 10, "nginx")

    def _listening(self):
        if self.process.poll() is not None:
            raise AssertionError("nginx ended: " + (self.directory / "error.log").read_text())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def access(self):
        """Protocol, method, path, status and connection of each request."""
        return [line.split() for line in (self.directory / "access.log").read_text().splitlines()]

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class OpensslServer:
    """`openssl s_server` that shows a page (-www), with what other arguments it is given."""

    def __init__(self, certificate, *arguments):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "openssl", "s_server", "-accept",
             "127.0.0.1:%d" % self.port, "-cert", certificate[0], "-key", certificate[1], "-www",
             "-quiet", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", self.port)) == 0, 10,
                   "openssl s_server")

    def close(self):
        self.process.kill()
        self.process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Proxy:
    """An HTTP proxy: CONNECT tunnels and absolute-form requests. Remembers their heads."""

    def __init__(self):
        self.heads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        data = b""
        try:
            while b"\r\n\r\n" not in data:
                piece = client.recv(65536)
                if not piece:
                    return
                data += piece
            head, _, rest = data.partition(b"\r\n\r\n")
            self.heads.append(head.decode())
            method, target = head.decode().split()[:2]
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                first = b""
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                host, _, port = target.split("/")[2].rpartition(":")
                # One request a connection is enough here.
                first = head.replace(b"Proxy-Connection: Keep-Alive\r\n", b"") + b"\r\n\r\n" + rest
            server = socket.create_connection((host, int(port)))
            server.sendall(first)
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()
        except OSError:
            pass
        finally:
            client.close()

    @staticmethod
    def _pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
