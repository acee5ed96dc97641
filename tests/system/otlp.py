"""OTLP/gRPC log exports as bytes, and a sender that follows the protocol's rules for retries.

The encoder writes protobuf by hand, so that nothing of the program under test or of a generated
library stands between a test and the wire.
"""

import os
import random
import struct
import threading
import time
from dataclasses import dataclass, field

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
# Who polls a channel while no call waits on it: at the default of 5 s a channel that lost its server
# may never see that its next attempt to connect succeeded.
os.environ.setdefault("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "20")

import grpc  # noqa: E402 (reads the variables)

EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

patience = 1.0  # factor on deadlines, set by the harness

# What a sender may send again, by the OTLP specification. RESOURCE_EXHAUSTED only with RetryInfo.
RETRYABLE = {
    grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS,
}


# Wire format ---------------------------------------------------------------------------------------

def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field_bytes(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def field_varint(number, value):
    return varint(number << 3) + varint(value)


def field_fixed64(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def any_value(value):
    if isinstance(value, bool):
        return field_varint(2, int(value))
    if isinstance(value, int):
        return field_varint(3, value & (1 << 64) - 1)
    if isinstance(value, float):
        return varint(4 << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, bytes):
        return field_bytes(7, value)
    return field_bytes(1, value.encode())


def key_value(key, value):
    return field_bytes(1, key.encode()) + field_bytes(2, any_value(value))


def log_record(attributes, nanoseconds, body="request"):
    record = b""
    if nanoseconds is not None:
        record += field_fixed64(1, nanoseconds)
    record += field_varint(2, 9) + field_bytes(3, b"INFO") + field_bytes(5, any_value(body))
    for key, value in attributes.items():
        record += field_bytes(6, key_value(key, value))
    return record


def export_request(records, resource=(("service.name", "shop"),)):
    resource_bytes = b"".join(field_bytes(1, key_value(k, v)) for k, v in resource)
    scope_logs = field_bytes(1, field_bytes(1, b"access-log"))
    scope_logs += b"".join(field_bytes(2, record) for record in records)
    return field_bytes(1, field_bytes(1, resource_bytes) + field_bytes(2, scope_logs))


def fields(data):
    """Yields (number, value) of a message; values are ints or bytes."""
    at = 0

    def read_varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = read_varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, read_varint()
        elif kind == 2:
            size = read_varint()
            yield tag >> 3, data[at:at + size]
            at += size
        else:
            size = {1: 8, 5: 4}[kind]
            yield tag >> 3, int.from_bytes(data[at:at + size], "little")
            at += size


# The access log that the tests send ------------------------------------------------------------------

METHODS = ("GET", "POST", "PUT", "DELETE")
REGIONS = ("us-east-1", "eu-west-1", "ap-south-1")
ZONES = ("a", "b", "c")
BASE_NANOSECONDS = 1_760_000_000_000_000_000


def attributes_of(sequence, padding=""):
    """What the record of a sequence number says; `path` carries the number itself."""
    return {
        "time": "2025-10-09T08:%02d:%02dZ" % (sequence // 60 % 60, sequence % 60),
        "subject": "customer-%d" % (sequence % 17),
        "method": METHODS[sequence % 4],
        "path": "/items/%d%s" % (sequence, padding),
        "region": REGIONS[sequence % 3],
        "zone": ZONES[sequence % 3],
        "duration": sequence % 1000,
    }


def sequence_of(event):
    path = event["data"]["path"]
    return int(path.split("/")[2])


def access_log_export(sequences, padding="", fine_time=True):
    """An export of one record a number. Without `fine_time` no record can be told apart by itself."""
    return export_request([
        log_record(attributes_of(n, padding),
                   BASE_NANOSECONDS + n * 1_000_000 + (1 + n % 999_999 if fine_time else 0))
        for n in sequences])


# Sending --------------------------------------------------------------------------------------------

@dataclass
class Answer:
    status: grpc.StatusCode
    message: str = ""
    retry_after: float = None     # seconds of RetryInfo, if there was one
    rejected: int = 0             # of partial_success
    explanation: str = ""         # of partial_success

    @property
    def ok(self):
        return self.status == grpc.StatusCode.OK

    @property
    def retryable(self):
        if self.status == grpc.StatusCode.RESOURCE_EXHAUSTED:
            return self.retry_after is not None
        return self.status in RETRYABLE


@dataclass
class Outcome:
    """How one export ended for its sender."""
    final: Answer
    statuses: list = field(default_factory=list)
    reasons: list = field(default_factory=list)  # of answers that were not OK

    @property
    def acked(self):
        return self.final.ok

    @property
    def told_to_drop(self):
        return not self.final.ok and not self.final.retryable


def retry_info(trailers):
    """Seconds that a google.rpc.RetryInfo in the trailers asks to wait, or None."""
    for key, value in trailers or ():
        if key != "grpc-status-details-bin":
            continue
        for number, detail in fields(value):
            if number != 3:
                continue
            message = dict(fields(detail))
            if not message.get(1, b"").endswith(b"google.rpc.RetryInfo"):
                continue
            duration = dict(fields(dict(fields(message.get(2, b""))).get(1, b"")))
            return duration.get(1, 0) + duration.get(2, 0) / 1e9
    return None


class Sender:
    """One connection to a collector. Threads may share it."""

    def __init__(self, port, timeout=10.0, compression=None, metadata=(), max_wait=1.0):
        self.timeout = timeout
        self.metadata = metadata
        self.compression = compression
        self.max_wait = max_wait  # a cap on waits, to keep tests quick
        self.retarget(port)

    def retarget(self, port):
        self.port = port
        self.channel = grpc.insecure_channel("127.0.0.1:%d" % port, options=[
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 50),
            # This one is also how long an attempt to connect may take.
            ("grpc.min_reconnect_backoff_ms", 3000),
            ("grpc.max_reconnect_backoff_ms", 200),
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_retries", 0),
        ])
        self.call = self.channel.unary_unary(EXPORT)

    def close(self):
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send_once(self, request, timeout=None):
        try:
            response = self.call(request, timeout=timeout or self.timeout, metadata=self.metadata,
                                 compression=self.compression)
        except grpc.RpcError as error:
            return Answer(error.code(), error.details() or "", retry_info(error.trailing_metadata()))
        partial = dict(fields(dict(fields(response)).get(1, b"")))
        return Answer(grpc.StatusCode.OK, rejected=partial.get(1, 0),
                      explanation=partial.get(2, b"").decode())

    def send(self, request, give_up_after=30.0, stop=None):
        """Sends until the export is acked, must be dropped, or time is up (or `stop` is set)."""
        end = time.monotonic() + give_up_after
        statuses, reasons = [], []
        wait = 0.05
        while True:
            answer = self.send_once(request)
            statuses.append(answer.status.name)
            if not answer.ok:
                reasons.append(answer.message)
            if answer.ok or not answer.retryable or time.monotonic() > end or \
                    (stop is not None and stop.is_set()):
                return Outcome(answer, statuses, reasons)
            pause = answer.retry_after if answer.retry_after is not None else wait
            time.sleep(min(pause, self.max_wait) * random.uniform(0.8, 1.2))
            wait = min(wait * 1.5, self.max_wait)


class Load:
    """Offers exports from several senders at once and keeps what each was told.

    Exports are taken in order by `senders` threads, each with its own connection.
    """

    def __init__(self, port, exports, records=100, senders=8, first=0, give_up_after=60.0,
                 padding="", **sender_options):
        self.port = port
        self.ranges = [range(first + i * records, first + (i + 1) * records)
                       for i in range(exports)]
        self.give_up_after = give_up_after
        self.padding = padding
        self.sender_options = sender_options
        self.outcomes = [None] * exports
        self.stop = threading.Event()    # give up
        self.finish = threading.Event()  # begin no further export
        self._lock = threading.Lock()
        self._next = 0
        self._answered = 0
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(senders)]

    def start(self):
        self.begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def _work(self):
        with Sender(self.port, **self.sender_options) as sender:
            while not self.stop.is_set() and not self.finish.is_set():
                with self._lock:
                    index = self._next
                    self._next += 1
                if index >= len(self.ranges):
                    return
                if sender.port != self.port:
                    sender.close()
                    sender.retarget(self.port)
                self.outcomes[index] = self._send(sender, self.ranges[index])
                with self._lock:
                    self._answered += 1

    def _send(self, sender, sequences):
        """Resends go where `port` points by then, as behind a load balancer."""
        request = access_log_export(sequences, self.padding)
        end = time.monotonic() + self.give_up_after
        statuses, reasons = [], []
        while True:
            outcome = sender.send(request, give_up_after=0)
            statuses += outcome.statuses
            reasons += outcome.reasons
            if outcome.acked or outcome.told_to_drop or time.monotonic() > end or \
                    self.stop.is_set():
                return Outcome(outcome.final, statuses, reasons)
            if sender.port != self.port:
                sender.close()
                sender.retarget(self.port)
            pause = outcome.final.retry_after
            time.sleep(min(0.2 if pause is None else pause, sender.max_wait) *
                       random.uniform(0.5, 1.0))

    def ended(self):
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def answered(self):
        return self._answered

    def join(self, timeout):
        end = time.monotonic() + timeout * patience
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError("senders did not end in %gs: %d of %d exports answered" %
                                 (timeout, self._answered, len(self.ranges)))
        self.seconds = time.monotonic() - self.begun
        return self

    def offered(self):
        """The records of all exports that were begun."""
        return {n for sequences in self.ranges[:self._next] for n in sequences}

    def acked(self):
        return {n for sequences, outcome in zip(self.ranges, self.outcomes)
                if outcome is not None and outcome.acked for n in sequences}

    def reasons(self):
        """What senders were told in answers other than OK."""
        return sorted({reason for outcome in self.outcomes if outcome for reason in outcome.reasons})

    def statuses(self):
        counts = {}
        for outcome in self.outcomes:
            for status in outcome.statuses if outcome else ["UNSENT"]:
                counts[status] = counts.get(status, 0) + 1
        return counts
