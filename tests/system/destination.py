"""An HTTP destination that audits: what arrived, how often, and under which ids.

It speaks enough HTTP/1.1 for the clients of the program under test, and can misbehave in every way
that a script asks for. A test sets `script`, a function of the Request that returns an Action.
"""

import json
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from otlp import sequence_of


@dataclass
class Request:
    number: int          # 1 is the first
    path: str
    headers: dict        # names in lower case
    body: bytes
    events: list         # the body as events, [] where it is no JSON


@dataclass
class Action:
    """What to do with a request. `take` is None: events are taken if the status is 2xx."""
    status: int = 202
    take: bool = None
    delay: float = 0.0
    end: str = "answer"  # "answer", "reset", "truncate", "hang"
    headers: dict = field(default_factory=dict)
    body: str = ""

    @property
    def takes(self):
        return 200 <= self.status < 300 if self.take is None else self.take


class Destination:
    """Listens while it is started; stop() and start() again make an outage. Keeps its records."""

    def __init__(self, port, script=None):
        self.port = port
        self.script = script
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        # Guarded by lock.
        self.requests = []
        self.arrivals = {}     # event id -> how often it was taken
        self.events = {}       # event id -> the event as first taken
        self.ids = {}          # sequence number -> set of ids
        self.conflicts = []    # ids that came with two contents
        self.refused_bodies = 0
        self._number = 0
        self._connections = set()
        self._listener = None
        self._released = threading.Event()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def start(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(256)
        self._listener = listener
        self._released.clear()
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def stop(self):
        """Closes everything at once, as a crash of the destination does."""
        self._released.set()
        listener, self._listener = self._listener, None
        if listener is None:
            return
        # Wakes the accept() that would keep the port open.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        with self.lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                self._linger_none(connection)
                connection.shutdown(socket.SHUT_RDWR)  # wakes its thread, which closes it
            except OSError:
                pass

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # What arrived

    def arrived(self):
        """The sequence numbers that were taken."""
        with self.lock:
            return set(self.ids)

    def doubled(self):
        """Sequence numbers that a destination which dedupes by id would bill twice."""
        with self.lock:
            return {n: ids for n, ids in self.ids.items() if len(ids) > 1}

    def request_count(self):
        with self.lock:
            return self._number

    def resent(self):
        """How many arrivals the dedupe has to take out."""
        with self.lock:
            return sum(self.arrivals.values()) - len(self.arrivals)

    def settle(self, seconds):
        """Waits until no request came for so long."""
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < seconds:
            if self.request_count() != seen:
                seen, since = self.request_count(), time.monotonic()
            time.sleep(0.05)

    def wait_for(self, condition, timeout, what):
        end = time.monotonic() + timeout
        while not condition(self):
            if time.monotonic() > end:
                raise AssertionError("the destination did not see %s in %gs (%d requests, %d events)"
                                     % (what, timeout, self._number, len(self.events)))
            with self.lock:
                self.changed.wait(0.05)

    # Serving

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection.makefile("rb") as reader:
                while self._serve_request(connection, reader):
                    pass
        except (OSError, ValueError, IndexError):
            pass
        finally:
            with self.lock:
                self._connections.discard(connection)
            connection.close()

    def _serve_request(self, connection, reader):
        line = reader.readline()
        if not line:
            return False
        path = line.split()[1].decode()
        headers = {}
        while (line := reader.readline().strip()):
            name, _, value = line.partition(b":")
            headers[name.strip().lower().decode()] = value.strip().decode()
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._read_body(reader, headers)
        try:
            parsed = json.loads(body)
            events = parsed if isinstance(parsed, list) else [parsed]
        except ValueError:
            events = []
        with self.lock:
            self._number += 1
            request = Request(self._number, path, headers, body, events)
            script = self.script
        action = (script(request) if script else None) or Action()
        return self._act(connection, request, action)

    @staticmethod
    def _read_body(reader, headers):
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return reader.read(int(headers.get("content-length", 0)))
        body = b""
        while (size := int(reader.readline().split(b";")[0], 16)) > 0:
            body += reader.read(size)
            reader.readline()
        reader.readline()
        return body

    def _act(self, connection, request, action):
        if action.end == "hang":
            self._wait_for_hang_up(connection, action.delay)
        elif action.delay:
            self._released.wait(action.delay)
        if action.takes:
            self._take(request)
        else:
            with self.lock:
                self.refused_bodies += 1
        if action.end == "reset":
            self._linger_none(connection)
            return False
        body = action.body.encode()
        head = "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n" % (
            action.status, {202: "Accepted", 400: "Bad Request"}.get(action.status, "Status"),
            len(body) + (100 if action.end == "truncate" else 0))
        if body:
            head += "Content-Type: application/problem+json\r\n"
        for name, value in action.headers.items():
            head += "%s: %s\r\n" % (name, value)
        connection.sendall(head.encode() + b"\r\n" + body)
        return action.end == "answer"

    def _wait_for_hang_up(self, connection, seconds):
        """Holds the request; ends early when the client hangs up or the destination stops."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._released.is_set():
            readable, _, _ = select.select([connection], [], [], 0.05)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                return

    def _take(self, request):
        with self.lock:
            self.requests.append(request)
            for event in request.events:
                identity = event.get("id")
                self.arrivals[identity] = self.arrivals.get(identity, 0) + 1
                if self.events.setdefault(identity, event) != event:
                    self.conflicts.append(identity)
                try:
                    self.ids.setdefault(sequence_of(event), set()).add(identity)
                except (KeyError, TypeError, ValueError, IndexError):
                    self.ids.setdefault("other", set()).add(identity)
            self.changed.notify_all()

    @staticmethod
    def _linger_none(connection):
        """Makes the close a reset."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# Scripts ------------------------------------------------------------------------------------------

def every(period, action):
    """`action` for each `period`-th request, everything else taken."""
    return lambda request: action if request.number % period == 0 else None


def problem(status, detail):
    return Action(status, body=json.dumps({"title": "refused", "status": status, "detail": detail}))


def refuses(is_poison, status=400, detail="the event is not valid"):
    """Refuses a whole batch if one of its events is poison, as OpenMeter does."""
    def script(request):
        if any(is_poison(event) for event in request.events):
            return problem(status, detail)
        return None
    return script
