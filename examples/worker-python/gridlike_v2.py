#!/usr/bin/env python3
"""A complete GridLike worker on Python's standard library alone (Python 3.9 or newer).

It speaks gridlike.v2 as docs/protocol.md describes it: many jobs at a time, results kept until their
receipt, resume after a lost connection or a restart of the server.

As a library:   run(url, token, work)             work(payload: bytes) -> bytes
As a program:   gridlike_v2.py --url wss://host:7171/api/worker --token-file F [-- COMMAND...]
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import inspect
import json
import os
import queue
import random
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urljoin, urlsplit

PROTOCOL = "gridlike.v2"
FRAME_BYTES_MAX, FRAME_MESSAGES_MAX, BODY_BYTES_MAX = 256 * 1024, 256, 64 * 1024
HEADER_BYTES_MAX = 64 * 1024
PING_AFTER_S, SILENCE_S_MAX, ANSWER_S_MAX = 30.0, 60.0, 30.0
KILL_AFTER_S = 5.0
FINAL_CODES = (4400, 4401, 4403, 4409, 4426)


class JobFailed(Exception):
    """Raised by `work`: the job failed. retryable=False says that another try would fail as well."""

    def __init__(self, info, logs=None, retryable=True, exit_code=None):
        super().__init__(info)
        self.info, self.logs, self.retryable, self.exit_code = info, logs, retryable, exit_code


class Refused(Exception):
    """The server does not want this worker: another try is of no use."""


class Closed(Exception):
    """The connection ended. `wait_s` is the server's word about when to come back."""

    def __init__(self, code, reason="", wait_s=0.0):
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code, self.wait_s = code, wait_s


# -- Addresses and TLS -----------------------------------------------------------------------------


class Door:
    """Opens connections to the one server, each checked against the pin before a byte is sent."""

    def __init__(self, url, pin=None, ca_file=None):
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise Refused(f'"{url}" is no worker socket. Write wss://HOST:PORT/api/worker.')
        self.url = url
        self.http_url = url.replace("ws", "http", 1)
        self.pin = None if pin is None else pin.lower().replace("sha256:", "").replace(":", "")
        if pin is not None and (parts.scheme != "wss" or len(self.pin) != 64):
            raise Refused("A pin is sha256: and 64 hex digits, and needs a wss:// address.")
        self.tls = ssl.create_default_context(cafile=ca_file)
        if pin is not None:  # The certificate itself is what is trusted, whatever it says.
            self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    def open(self, url):
        parts = urlsplit(url)
        is_tls = parts.scheme in ("wss", "https")
        port = parts.port or (443 if is_tls else 80)
        end = socket.create_connection((parts.hostname, port), timeout=ANSWER_S_MAX)
        try:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if is_tls and (self.is_own(url) or self.pin is None):
                end = self.tls.wrap_socket(end, server_hostname=parts.hostname)
                found = hashlib.sha256(end.getpeercert(binary_form=True)).hexdigest()
                if self.pin is not None and found != self.pin:
                    raise Refused(f"The certificate is sha256:{found}, not the pinned one.")
            elif is_tls:  # Another host, such as a store of large payloads: the usual rules.
                context = ssl.create_default_context()
                end = context.wrap_socket(end, server_hostname=parts.hostname)
            return end
        except BaseException:
            end.close()
            raise

    def is_own(self, url):
        own, other = urlsplit(self.http_url), urlsplit(url.replace("ws", "http", 1) if url.startswith("ws") else url)
        ports = {"http": 80, "https": 443}
        return (own.scheme, own.hostname, own.port or ports[own.scheme]) == (
            other.scheme,
            other.hostname,
            other.port or ports.get(other.scheme),
        )

    def call(self, method, url, attempt_token, body=None, headers=None):
        """One request; answers with status and bytes. `url` may be relative to the socket's address."""
        address = urljoin(self.http_url, url)
        parts = urlsplit(address)
        headers = dict(headers or {})
        if self.is_own(address):
            headers["Gridlike-Attempt-Token"] = attempt_token
        connection = http.client.HTTPConnection(parts.netloc.rpartition("@")[2])
        connection.sock = self.open(address)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as problem:
            raise OSError(f"{method}: {problem!r}") from None
        finally:
            connection.close()


# -- RFC 6455 --------------------------------------------------------------------------------------


class WebSocket:
    """A client. One thread owns it; `wake` alone may be called from others."""

    def __init__(self, door, headers):
        self._end = door.open(door.url)
        try:
            self._in = bytearray(self._shake_hands(door.url, headers))
        except BaseException:
            self._end.close()
            raise
        self._end.setblocking(False)
        self._out, self._fragments, self._kind = bytearray(), bytearray(), 0
        self._waker, self._wakee = socket.socketpair()
        self._waker.setblocking(False)
        self._heard_at = self._pinged_at = time.monotonic()

    def _shake_hands(self, url, headers):
        parts = urlsplit(url)
        key = base64.b64encode(os.urandom(16)).decode()
        fields = {
            "Host": parts.netloc.rpartition("@")[2],
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": PROTOCOL,
            **headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._end.sendall(f"GET {parts.path or '/'} HTTP/1.1\r\n{lines}\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = self._end.recv(4096)
            if not data or len(answer) > HEADER_BYTES_MAX:
                raise Closed(1006, "without an answer to the upgrade")
            answer += data
        head, _, early = answer.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        named = (line.partition(":") for line in rest)
        found = {name.strip().lower(): value.strip() for name, _, value in named}
        status = (first.split(" ") + [""])[1]
        if status != "101":
            problem = f"The server answered the upgrade with {status}: {early.decode('utf-8', 'replace')}"
            if status in ("400", "401", "403"):
                raise Refused(problem)
            wait = found.get("retry-after", "")
            raise Closed(1006, problem, float(wait) if wait.isdigit() else 0.0)
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        if found.get("sec-websocket-accept") != base64.b64encode(digest).decode():
            raise Closed(1006, "because the answer to the upgrade is no WebSocket's")
        if found.get("sec-websocket-protocol") != PROTOCOL:
            self._end.sendall(encode_frame(8, struct.pack(">H", 1000)))
            raise Refused(f"The server does not speak {PROTOCOL}.")
        return early

    def send(self, data):
        self._out += encode_frame(2, data)

    def wake(self):
        try:
            self._waker.send(b"!")
        except OSError:
            pass  # Full: it is about to wake. Closed: nobody waits.

    def receive(self, timeout):
        """The binary messages that came, after a wait of at most `timeout`. Sends what is unsent."""
        self._flush()
        frames = self._take()
        if not frames and not self._pending():
            writers = [self._end] if self._out else []
            readable, _, _ = select.select([self._end, self._wakee], writers, [], timeout)
            if self._wakee in readable:
                self._wakee.recv(4096)
        self._read()
        self._flush()
        self._check_silence()
        return frames + self._take()

    def close(self, code):
        """Says goodbye and waits a moment for the answer. Never raises."""
        try:
            self._out += encode_frame(8, struct.pack(">H", code))
            self._end.settimeout(2.0)
            self._end.sendall(self._out)
            while self._end.recv(65536):
                pass
        except OSError:
            pass
        self.drop()

    def drop(self):
        for end in (self._end, self._waker, self._wakee):
            end.close()

    def _pending(self):
        return isinstance(self._end, ssl.SSLSocket) and self._end.pending() > 0

    def _flush(self):
        while self._out:
            try:
                del self._out[: self._end.send(self._out)]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return

    def _read(self):
        while True:
            try:
                data = self._end.recv(FRAME_BYTES_MAX)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            if not data:
                if self._in:
                    return  # What came is read first; the end is met again.
                raise Closed(1006, "without a word")
            self._heard_at = time.monotonic()
            self._in += data

    def _check_silence(self):
        now = time.monotonic()
        if now - self._heard_at > SILENCE_S_MAX:
            raise Closed(1006, f"because nothing came for {SILENCE_S_MAX:.0f} s")
        if now - max(self._heard_at, self._pinged_at) > PING_AFTER_S:
            self._pinged_at = now
            self._out += encode_frame(9, b"")

    def _take(self):
        messages = []
        while (frame := self._take_frame()) is not None:
            kind, is_last, data = frame
            if kind == 8:
                code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 1005
                if not messages:
                    self.close(code if code != 1005 else 1000)
                    raise Closed(code, data[2:].decode("utf-8", "replace"))
                self._in[:0] = b"\x88" + bytes([len(data)]) + data  # After what came before it.
                return messages
            if kind == 9:
                self._out += encode_frame(10, data)
            if kind >= 8:
                continue
            if (kind == 0) != (self._kind != 0):
                raise self.broken(1002, "A fragment has no message, or a message no end.")
            self._kind = kind or self._kind
            self._fragments += data
            if len(self._fragments) > FRAME_BYTES_MAX:
                raise self.broken(4400, "A frame is above 256 KiB.")
            if is_last:
                if self._kind != 2:
                    raise self.broken(4400, "A text frame came.")
                messages.append(bytes(self._fragments))
                self._kind, self._fragments = 0, bytearray()
        return messages

    def _take_frame(self):
        data = self._in
        if len(data) < 2:
            return None
        kind, is_last, length, start = data[0] & 15, bool(data[0] & 128), data[1] & 127, 2
        if data[0] & 112 or data[1] & 128 or kind not in (0, 1, 2, 8, 9, 10):
            raise self.broken(1002, "A frame has bits that nobody agreed on.")
        if kind >= 8 and (length > 125 or not is_last):
            raise self.broken(1002, "A control frame is too long or in fragments.")
        if length >= 126:
            size = 2 if length == 126 else 8
            if len(data) < 2 + size:
                return None
            length, start = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
        if length > FRAME_BYTES_MAX:
            raise self.broken(4400, "A frame is above 256 KiB.")
        if len(data) < start + length:
            return None
        body = bytes(data[start : start + length])
        del data[: start + length]
        return kind, is_last, body

    def broken(self, code, why):
        self.close(code)
        return Refused(f"{why} This worker and the server do not understand each other.")


def encode_frame(kind, data):
    """One whole WebSocket frame, masked as a client must."""
    size = len(data)
    if size < 126:
        length = bytes([128 | size])
    elif size < 65536:
        length = b"\xfe" + struct.pack(">H", size)
    else:
        length = b"\xff" + struct.pack(">Q", size)
    mask = os.urandom(4)
    pattern = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")
    return bytes([128 | kind]) + length + mask + mixed.to_bytes(size, "little")


# -- Framing of messages ---------------------------------------------------------------------------


def pack(header, body=b""):
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    return struct.pack(">II", len(text), len(body)) + text + body


def unpack(frame):
    """The messages of a frame, as (header, body). Raises ValueError where it is malformed."""
    messages, at = [], 0
    while at < len(frame) or not messages:
        if at + 8 > len(frame):
            raise ValueError("A frame ends within a message.")
        header_size, body_size = struct.unpack_from(">II", frame, at)
        start, at = at + 8, at + 8 + header_size + body_size
        if not 0 < header_size <= HEADER_BYTES_MAX or at > len(frame):
            raise ValueError("A message has no header, or ends beyond its frame.")
        header = json.loads(frame[start : start + header_size].decode("utf-8"))
        if not isinstance(header, dict) or not isinstance(header.get("op"), str):
            raise ValueError("A header is no object with an op.")
        messages.append((header, frame[start + header_size : at]))
        if len(messages) > FRAME_MESSAGES_MAX:
            raise ValueError("A frame has too many messages.")
    return messages


# -- The worker ------------------------------------------------------------------------------------


class Held:
    """An attempt, from `job` to its receipt. The main thread owns all but what `_do` is given."""

    def __init__(self, header, payload):
        self.job, self.attempt, self.token = header["job"], header["attempt"], header["token"]
        self.header, self.payload = header, payload
        self.state = "queued"  # running, finished, failed; the lock guards the way out of queued.
        self.cancelled = threading.Event()
        self.then = None  # What to say when it has ended on demand: "ended", a release's why, "timeout".
        self.result, self.failure = b"", None
        self.started_at = 0.0
        self.is_uploading = False

    @property
    def key(self):
        return (self.job, self.attempt)

    def proof(self):
        return {"job": self.job, "attempt": self.attempt, "token": self.token}

    def line(self):
        line = {**self.proof(), "state": self.state}
        if self.state == "finished":
            line.update(sha256=hashlib.sha256(self.result).hexdigest(), size=len(self.result))
        return json.dumps(line).encode() + b"\n"


class Worker:
    def __init__(self, door, token, work, *, name, slots, window, types, worker_id, log):
        self.door, self.token, self.log = door, token, log
        takes_two = len(inspect.signature(work).parameters) > 1
        self.work = work if takes_two else lambda payload, cancelled: work(payload)
        self.name, self.slots, self.window, self.types = name, slots, window, list(types)
        self.worker_id, self.boot_id = worker_id, uuid.uuid4().hex
        self.held, self.lock, self.events = {}, threading.Lock(), queue.SimpleQueue()
        self.todo, self.count = queue.PriorityQueue(), 0
        self.connection, self.out = None, []
        self.is_welcome = self.is_stopping = self.has_told_stop = self.is_draining = False
        self.heartbeat_s, self.body_bytes_max, self.beat_at = 10.0, BODY_BYTES_MAX, 0.0
        self.drain_at, self.wait_s, self.retries = None, 0.0, {}
        self.asked, self.next_id = {}, 0
        for _ in range(slots):
            threading.Thread(target=self._serve, daemon=True).start()

    def stop(self):
        """Takes nothing more, ends what runs, delivers it. May be called from any thread."""
        self._tell("stop")

    def run(self, keep_id=lambda worker_id: None):
        """Works until it is stopped. Raises Refused when another try is of no use."""
        tries = 0
        while True:
            try:
                self._session()
                return
            except (OSError, Closed) as problem:
                self.log(f"{type(problem).__name__}: {problem}")
                code = getattr(problem, "code", 1006)
                self.wait_s = max(self.wait_s, getattr(problem, "wait_s", 0.0))
                if code in FINAL_CODES:
                    raise Refused(str(problem)) from None
                if code == 4410:
                    self.worker_id = str(uuid.uuid4())
                    keep_id(self.worker_id)
                    self.log(f"Another process has our worker_id. The new one is {self.worker_id}.")
            finally:
                if self.connection is not None:
                    self.connection.drop()
                if self.is_welcome:
                    tries = 0
                self.connection, self.is_welcome = None, False
            wait = self.wait_s + random.uniform(0, min(60.0, 0.5 * 2 ** min(tries, 10)))
            tries, self.wait_s = tries + 1, 0.0
            if self._pause(wait):
                return

    def _pause(self, seconds):
        """True if there is nothing to come back for."""
        until = time.monotonic() + seconds
        while not (self.is_stopping and not self.held):
            rest = until - time.monotonic()
            if rest <= 0:
                return False
            try:
                self._handle(*self.events.get(timeout=rest))
            except queue.Empty:
                pass
        return True

    def _session(self):
        self.out, self.has_told_stop, self.is_draining, self.drain_at = [], False, False, None
        self.asked, self.retries = {}, {}
        self.connection = WebSocket(self.door, {"X-API-KEY": self.token})
        while not self.events.empty():  # What ended meanwhile is told as it is now.
            self._handle(*self.events.get())
        self._say_hello()
        while True:
            self._flush()
            for frame in self.connection.receive(self._patience()):
                try:
                    messages = unpack(frame)
                except ValueError as problem:
                    raise self.connection.broken(4400, str(problem)) from None
                for header, body in messages:
                    self._take(header, body)
            while not self.events.empty():
                self._handle(*self.events.get())
            if self.is_welcome:
                self._tick()
            if self.is_welcome and self.is_stopping and not self.held:
                self._say("bye", why="drained")
                self._flush()
                return self.connection.close(1000)

    def _say_hello(self):
        lines, bodies = [held.line() for held in self.held.values()], [b""]
        for line in lines:
            if len(bodies[-1]) + len(line) > BODY_BYTES_MAX:
                bodies.append(b"")
            bodies[-1] += line
        who = {"worker_id": self.worker_id, "name": self.name, "boot_id": self.boot_id}
        self.out.append(pack({"op": "hello", **who, "types": self.types, "slots": self.slots}, bodies[0]))
        self.out += [pack({"op": "holding"}, body) for body in bodies[1:]]

    def _patience(self):
        due = [self.beat_at] if self.is_welcome else []
        due += list(self.retries.values()) + ([self.drain_at] if self.drain_at else [])
        for held in self.held.values():
            if held.state == "running" and held.header.get("timeout_ms"):
                due.append(held.started_at + held.header["timeout_ms"] / 1000)
        return max(0.0, min([5.0] + [at - time.monotonic() for at in due]))

    # What the server says.

    def _take(self, header, body):
        op, key = header["op"], (header.get("job"), header.get("attempt"))
        held = self.held.get(key)
        if op == "welcome":
            self.is_welcome, self.beat_at = True, time.monotonic() + header["heartbeat_ms"] / 1000
            self.heartbeat_s = header["heartbeat_ms"] / 1000
            self.body_bytes_max = header["frame_body_bytes_max"]
            self.log(f"Connected to {header.get('server', 'the server')}.")
            self._verdicts(body)
            self._say("ready", window=0 if self.is_stopping else self.window)
        elif op == "held":
            self._verdicts(body)
        elif op == "job" and held is None:
            held = self.held[key] = Held(header, body)
            if self.is_stopping or self.is_draining:
                return self._release(held, "drain")
            self.count += 1
            self.todo.put((header.get("priority") != "immediate", self.count, held))
        elif op == "receipt" and held is not None:
            del self.held[key]
        elif op == "cancel":
            self._end(held, "ended") if held is not None else self._say_of(key, "ended")
        elif op == "drain":
            self.is_draining = True
            if "deadline_ms" in header:
                self.drain_at = time.monotonic() + header["deadline_ms"] / 1000
            self._release_queued("drain")
        elif op == "undrain":
            self.is_draining, self.drain_at = False, None
        elif op == "bye":
            self.wait_s = header.get("retry_after_ms", 0) / 1000
        elif op == "refused":
            self._refused(header)

    def _verdicts(self, body):
        for line in filter(None, body.split(b"\n")):
            verdict = json.loads(line)
            key = (verdict["job"], verdict["attempt"])
            held = self.held.get(key)
            if held is None:
                continue
            if verdict["do"] in ("abandon", "cancel"):
                self._end(held, "ended" if verdict["do"] == "cancel" else "nothing", even_if_done=True)
            elif held.state in ("finished", "failed"):
                self._deliver(held)
            elif held.state == "queued" and held.then is not None:
                self._release(held, held.then)

    def _refused(self, header):
        self.log(f"Refused: {header.get('code')} {header.get('detail')}")
        held = self.held.get(self.asked.pop(header.get("re"), None))
        if held is None:
            return
        if header.get("code") == "payload-too-large" and held.state == "finished":
            self._upload(held)
        else:
            self.retries[held.key] = time.monotonic() + random.uniform(1, 10)

    # What happens here. Threads post events, the main thread handles them.

    def _tell(self, *event):
        self.events.put(event)
        connection = self.connection
        if connection is not None:
            connection.wake()

    def _handle(self, what, held=None, detail=None):
        if what == "stop":
            self.is_stopping = True
            self._release_queued("drain")
            if not self.is_welcome:  # Nothing was begun of these; nobody is charged for them.
                self.held = {k: h for k, h in self.held.items() if h.state != "queued"}
        elif self.held.get(held.key) is not held:
            return  # Abandoned meanwhile.
        elif what == "started":
            held.started_at = time.monotonic()
            self._say_of(held.key, "started")
        elif what == "receipt":
            del self.held[held.key]
        elif what == "gone":
            del self.held[held.key]
            self._say_of(held.key, "ended")
        elif what == "ended":
            self._ended(held, detail)

    def _ended(self, held, outcome):
        """`outcome` is bytes or JobFailed."""
        then, held.payload = held.then, b""
        if then in ("ended", "nothing"):
            del self.held[held.key]
            if then == "ended":
                self._say_of(held.key, "ended")
        elif then not in (None, "timeout"):
            held.state = "queued"
            self._release(held, then)
        else:
            if then == "timeout":
                outcome = JobFailed("The job ran longer than its time limit.")
            if isinstance(outcome, JobFailed):
                held.state, held.failure = "failed", outcome
            else:
                held.state, held.result = "finished", outcome
            self._deliver(held)

    def _end(self, held, then, even_if_done=False):
        """Ends an attempt on demand; what is to be said then is said when nothing of it runs."""
        with self.lock:
            is_queued = held.state == "queued"
            if is_queued:
                held.state = "dropped"
        if held.state in ("finished", "failed") and not even_if_done:
            return  # It is under way: its receipt decides.
        held.cancelled.set()
        if held.state == "running":
            held.then = then
            if then == "nothing":
                del self.held[held.key]
            return
        del self.held[held.key]
        if then == "ended":
            self._say_of(held.key, "ended")

    def _release(self, held, why):
        held.then = why
        held.cancelled.set()
        self._say("release", **held.proof(), why=why)

    def _release_queued(self, why):
        for held in list(self.held.values()):
            with self.lock:
                if held.state != "queued" or held.cancelled.is_set():
                    continue
                held.cancelled.set()  # So `_serve` passes it over.
            self._release(held, why)

    def _deliver(self, held):
        if not self.is_welcome:
            return  # The next welcome asks for it.
        if held.state == "failed":
            failure = held.failure
            logs = (failure.logs or "").encode("utf-8", "replace")[-self.body_bytes_max :]
            fields = {"info": failure.info, "retryable": failure.retryable}
            self._ask(held, "fail", logs, exit_code=failure.exit_code, **fields)
        elif len(held.result) > self.body_bytes_max:
            self._upload(held)
        else:
            size, digest = len(held.result), hashlib.sha256(held.result).hexdigest()
            self._ask(held, "result", held.result, sha256=digest, size=size)

    def _ask(self, held, op, body, **fields):
        self.next_id += 1
        self.asked[self.next_id] = held.key
        self.out.append(pack({"op": op, "id": self.next_id, **held.proof(), **fields}, body))

    def _upload(self, held):
        if not held.is_uploading:
            held.is_uploading = True
            threading.Thread(target=self._put, args=(held,), daemon=True).start()

    def _tick(self):
        now = time.monotonic()
        if self.is_stopping and not self.has_told_stop:
            self.has_told_stop = True
            self._say("ready", window=0)
        if now >= self.beat_at:
            self.beat_at = now + self.heartbeat_s
            holding = [[*h.key, h.state] for h in self.held.values() if h.state in ("queued", "running")]
            for start in range(0, max(1, len(holding)), 800):
                self._say("beat", holding=holding[start : start + 800])
        if self.drain_at is not None and now >= self.drain_at:
            self.drain_at = None
            for held in list(self.held.values()):
                if held.state == "running" and held.then is None:
                    held.then = "drain"
                    held.cancelled.set()
        for held in self.held.values():
            limit = held.header.get("timeout_ms")
            if held.state == "running" and limit and held.started_at and held.then is None:
                if now >= held.started_at + limit / 1000:
                    held.then = "timeout"
                    held.cancelled.set()
        for key in [key for key, at in self.retries.items() if now >= at]:
            del self.retries[key]
            held = self.held.get(key)
            if held is not None:
                self._release(held, held.then) if held.state == "queued" else self._deliver(held)

    def _say(self, op, **fields):
        if self.is_welcome:
            self.out.append(pack({"op": op, **fields}))

    def _say_of(self, key, op):
        self._say(op, job=key[0], attempt=key[1])

    def _flush(self):
        """Small messages share frames."""
        frame, count = b"", 0
        for message in self.out:
            if count == FRAME_MESSAGES_MAX or len(frame) + len(message) > FRAME_BYTES_MAX:
                self.connection.send(frame)
                frame, count = b"", 0
            frame, count = frame + message, count + 1
        if frame:
            self.connection.send(frame)
        self.out = []

    # What runs in other threads.

    def _serve(self):
        while True:
            held = self.todo.get()[2]
            with self.lock:
                if held.state != "queued" or held.cancelled.is_set():
                    continue
                held.state = "running"
            self._tell("started", held)
            try:
                payload = self._payload(held)
                if payload is None:
                    self._tell("gone", held)
                    continue
                outcome = bytes(memoryview(self.work(payload, held.cancelled)))
            except JobFailed as failed:
                outcome = failed
            except BaseException as problem:  # Whatever the user's code raises is the job's failure.
                outcome = JobFailed(f"{type(problem).__name__}: {problem}")
            self._tell("ended", held, outcome)
            how = "failed" if isinstance(outcome, JobFailed) else "finished"
            self.log(f"{held.header.get('key')}: {how}")

    def _payload(self, held):
        """The payload, checked; None if the server has given the attempt up."""
        wanted, own = held.header["sha256"], f"work/{held.job}/{held.attempt}/payload"
        payload, url, tries = held.payload, held.header.get("url"), 0
        if url is None and hashlib.sha256(payload).hexdigest() == wanted:
            return payload
        url = url or own
        while not held.cancelled.is_set():
            try:
                status, payload = self.door.call("GET", url, held.token)
            except OSError as problem:
                status = 0
                self.log(f"Payload: {problem}")
            if status == 200 and hashlib.sha256(payload).hexdigest() == wanted:
                return payload
            if status in (403, 404) and url == own:
                return None
            if status == 200 and url == own:
                raise JobFailed("The payload that came does not fit its SHA-256.")
            if status in (200, 403, 404):
                url = own
                continue
            held.cancelled.wait(random.uniform(0, min(60.0, 0.5 * 2 ** min(tries, 10))))
            tries += 1
        raise JobFailed("It was ended before its payload was there.")

    def _put(self, held):
        digest = base64.b64encode(hashlib.sha256(held.result).digest()).decode()
        headers, tries = {"Content-Digest": f"sha-256=:{digest}:"}, 0
        url = f"work/{held.job}/{held.attempt}/result"
        while not held.cancelled.is_set():
            try:
                status, answer = self.door.call("PUT", url, held.token, held.result, headers)
                if status == 200:
                    return self._tell("receipt", held)
                self.log(f"Result: {status} {answer.decode('utf-8', 'replace')[:500]}")
                if status in (403, 404):
                    return self._tell("receipt", held)
                if status == 413:
                    held.is_uploading = False
                    return self._tell("ended", held, JobFailed("The result is too large.", retryable=False))
            except OSError as problem:
                self.log(f"Result: {problem}")
            held.cancelled.wait(random.uniform(0, min(60.0, 0.5 * 2 ** min(tries, 10))))
            tries += 1


def run(url, token, work, *, name=None, slots=1, window=None, types=(), worker_id=None, pin=None,
        ca_file=None, log=lambda line: None):  # fmt: skip
    """Works until the process ends. `work(payload)` or `work(payload, cancelled)` runs in threads."""
    who = {"name": name or socket.gethostname(), "worker_id": worker_id or str(uuid.uuid4())}
    size = {"slots": slots, "window": window or slots * 2, "types": types}
    Worker(Door(url, pin, ca_file), token, work, log=log, **who, **size).run()


# -- The program -----------------------------------------------------------------------------------


def upper(payload):
    """What this example does for a job, unless it is given a command: capitals."""
    return payload.upper()


def command_work(command):
    """Work that runs a command: payload on its stdin, result from its stdout, logs from its stderr."""

    def work(payload, cancelled):
        pipe = subprocess.PIPE
        env = {k: v for k, v in os.environ.items() if k != "GRIDLIKE_WORKER_TOKEN"}
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=env, start_new_session=True
        )
        ended = threading.Event()

        def kill():
            while not cancelled.wait(0.1):
                if ended.is_set():
                    return
            for how in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, how)
                except ProcessLookupError:
                    return
                if ended.wait(KILL_AFTER_S):
                    return

        threading.Thread(target=kill, daemon=True).start()
        try:
            result, errors = process.communicate(payload)
        finally:
            ended.set()
        if process.returncode != 0:
            code = process.returncode
            logs = errors.decode("utf-8", "replace")
            info = f"The command ended with {'exit code' if code > 0 else 'signal'} {abs(code)}."
            raise JobFailed(info, logs, retryable=code != 86, exit_code=code if code > 0 else None)
        return result

    return work


def main(argv):
    cut = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(description="A GridLike worker. After -- stands the command for a job.")
    parser.add_argument("--url", required=True, help="wss://HOST:PORT/api/worker, or ws://")
    parser.add_argument("--token-file", help="else the environment's GRIDLIKE_WORKER_TOKEN")
    parser.add_argument("--pin", help="sha256:…, the one certificate to trust")
    parser.add_argument("--ca-file", help="certificates to trust")
    parser.add_argument("--name", default=socket.gethostname())
    parser.add_argument("--id-file", type=Path, default=Path.home() / ".gridlike-worker-id")
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1, help="jobs at one time")
    parser.add_argument("--window", type=int, help="jobs held at one time; twice the slots")
    parser.add_argument("--type", action="append", default=[], dest="types", help="may be repeated")
    given = parser.parse_args(argv[:cut])
    token = os.environ.get("GRIDLIKE_WORKER_TOKEN", "")
    if given.token_file:
        token = Path(given.token_file).read_text("utf-8").strip()
    if not token:
        parser.error("no token: use --token-file or the environment's GRIDLIKE_WORKER_TOKEN")

    def keep_id(worker_id):
        given.id_file.write_text(worker_id, "utf-8")

    if not given.id_file.exists():
        keep_id(str(uuid.uuid4()))
    work = command_work(argv[cut + 1 :]) if cut < len(argv) else upper
    size = {"slots": given.slots, "window": given.window or given.slots * 2, "types": given.types}
    who = {"name": given.name, "worker_id": given.id_file.read_text("utf-8").strip()}
    try:
        worker = Worker(Door(given.url, given.pin, given.ca_file), token, work, log=say, **who, **size)
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: os._exit(1) if worker.is_stopping else worker.stop())
        worker.run(keep_id)
        return 0
    except Refused as problem:
        say(str(problem))
        return 4


def say(line):
    print(f"gridlike_v2: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
