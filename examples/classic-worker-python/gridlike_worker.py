#!/usr/bin/env python3
"""A complete GridLike worker on Python's standard library alone (Python 3.9 or newer).

It speaks the classic protocol: JSON text frames with a numeric "code", payloads and results as
binary frames, one job at a time. The WebSocket client (RFC 6455) is in this file too, so that a
worker is this one file and nothing else.

As a library:   run_worker(url, token, name, id, work)
As a program:   gridlike_worker.py --url ws://host:7171/api/worker/TYPE --token-file F -- COMMAND...
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import random
import selectors
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from typing import Callable, Optional
from urllib.parse import urlsplit

MESSAGE_BYTES_MAX = 1 << 30  # GridLike's own default limit of a payload.
FRAGMENT_BYTES_MAX = 1 << 20  # Longer messages are fragmented, so that a pong never waits long.
RESPONSE_HEAD_BYTES_MAX = 64 * 1024  # The server's answer to the handshake.
HANDSHAKE_SECONDS_MAX = 15.0
PING_AFTER_SECONDS = 30.0  # The server pings every 20 s; silence beyond this deserves a question.
SILENCE_SECONDS_MAX = 90.0  # Nothing at all for this long: the line is dead.
RETRY_SECONDS_FIRST = 0.5
RETRY_SECONDS_MAX = 60.0
INFO_CHARACTERS_MAX = 4096  # What the server keeps of a failure's sentence.
LOG_CHARACTERS_MAX = 256 * 1024  # The end of a failure's logs; the server keeps 1 MiB of bytes.
COMMAND_POLL_SECONDS = 0.25  # How soon a command ends after its connection was lost.
STOP_SECONDS_MAX = 5.0  # Work that does not end by then ends with the process.

REGISTER, STATUS, STATUS_REQUEST, PROGRESS, FAILED = 0, 1, 2, 3, 4
BUSY, READY = 0, 1
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


class JobFailed(Exception):
    """Raised by `work` to report that the job failed: a sentence, and logs for whoever looks."""

    def __init__(self, info: Optional[str] = None, logs: Optional[str] = None) -> None:
        super().__init__(info)
        self.info = info
        self.logs = logs


class ConnectionLost(Exception):
    """The connection ended. The server has given the job back, so nobody awaits its result."""


class Refused(Exception):
    """The server will not have this worker at this address: asking again would not help."""


class ProtocolError(ConnectionLost):
    """The server sent what RFC 6455 or the classic protocol does not allow."""

    def __init__(self, close_code: int, problem: str) -> None:
        super().__init__(problem)
        self.close_code = close_code


# --------------------------------------------------------------------------------------------
# The worker


Work = Callable[[bytes, "Progress"], bytes]
Log = Callable[[str], None]


def run_worker(
    url: str,
    token: str,
    name: str,
    id: str,
    work: Work,
    *,
    stop: Optional[threading.Event] = None,
    log: Log = lambda line: None,
    tls: Optional[ssl.SSLContext] = None,
) -> None:
    """Works until `stop` is set, and connects again whenever the connection is lost.

    `work(payload, progress)` answers with the result's bytes or raises JobFailed. It runs in a
    thread of its own. `progress(percent, info)` tells the server how far the job is, and raises
    ConnectionLost once nobody awaits the result. Raises Refused if the server turns the worker
    away for good.
    """
    stop = stop or threading.Event()
    failures = 0
    while not stop.is_set():
        registration = {"code": REGISTER, "name": name, "id": id, "token": token}
        session = _Session(work, stop)
        try:
            session.run(url, registration, tls, log)
        except (OSError, ConnectionLost) as problem:
            log(f"{type(problem).__name__}: {problem}")
            if session.is_connected and not session.is_registered:
                log("The server never asked for our state. The usual reason is a wrong token.")
        if session.is_registered:
            failures = 0
        # Full jitter: a thousand workers that lost one server do not come back in one moment.
        wait = random.uniform(0, min(RETRY_SECONDS_MAX, RETRY_SECONDS_FIRST * 2**failures))
        failures = min(failures + 1, 16)
        stop.wait(wait)


class Progress:
    """What `work` is handed beside the payload. Only the newest note travels on a slow line."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.lost = threading.Event()  # Set once nobody awaits the result.
        self._wake = wake
        self._newest: deque = deque(maxlen=1)  # Threads may share a deque without a lock.

    def __call__(self, percent: Optional[float] = None, info: Optional[str] = None) -> None:
        if percent is None and info is None:
            raise ValueError("Progress needs a percentage, a sentence, or both.")
        if percent is not None and not 0.0 <= percent <= 100.0:
            raise ValueError(f"Progress is from 0 to 100 percent, not {percent}.")
        if self.lost.is_set():
            raise ConnectionLost("The job was given back to the server.")
        self._newest.append({"code": PROGRESS, "percent": percent, "info": info})
        self._wake()

    def take_note(self) -> Optional[dict]:
        return self._newest.pop() if self._newest else None


class _Job:
    """One payload at work in its own thread, so that the connection stays awake meanwhile."""

    def __init__(self, work: Work, payload: bytes, wake: Callable[[], None]) -> None:
        self.progress = Progress(wake)
        self.result: Optional[bytes] = None
        self.failure: Optional[dict] = None
        self._wake = wake
        self.thread = threading.Thread(target=self._run, args=(work, payload), daemon=True)
        self.thread.start()

    def _run(self, work: Work, payload: bytes) -> None:
        try:
            self.result = bytes(memoryview(work(payload, self.progress)))
        except JobFailed as failed:
            self.failure = _failure(failed.info, failed.logs)
        except BaseException as problem:  # Whatever the user's code raises is the job's failure.
            self.failure = _failure(f"{type(problem).__name__}: {problem}", traceback.format_exc())
        self._wake()

    def is_finished(self) -> bool:
        return self.result is not None or self.failure is not None

    def abandon(self, seconds: Optional[float]) -> None:
        """Waits for the end of the job: one job at a time holds across connections as well."""
        self.progress.lost.set()
        self.thread.join(seconds)


def _failure(info: Optional[str], logs: Optional[str]) -> dict:
    info = None if info is None else info[:INFO_CHARACTERS_MAX]
    logs = None if logs is None else logs[-LOG_CHARACTERS_MAX:]
    return {"code": FAILED, "info": info, "logs": logs}


class _Session:
    """One connection from registration to its end. The calling thread alone owns the socket."""

    def __init__(self, work: Work, stop: threading.Event) -> None:
        self.is_connected = False
        self.is_registered = False
        self._work = work
        self._stop = stop
        self._job: Optional[_Job] = None

    def run(self, url: str, registration: dict, tls: Optional[ssl.SSLContext], log: Log) -> None:
        connection = WebSocket(url, tls)
        self.is_connected = True
        log(f"Connected to {url}.")
        try:
            connection.send_json(registration)
            while not self._stop.is_set():
                for opcode, data in connection.receive(timeout=0.5):
                    self._take(connection, opcode, data)
                self._tell(connection)
            connection.close(1001, "the worker stops")
        except ProtocolError as problem:
            connection.close(problem.close_code, str(problem))
            raise
        finally:
            connection.drop()
            if self._job is not None:
                self._job.abandon(STOP_SECONDS_MAX if self._stop.is_set() else None)

    def _take(self, connection: WebSocket, opcode: int, data: bytes) -> None:
        if opcode == BINARY:
            if self._job is not None:
                raise ProtocolError(1002, "A second payload came before the first one's result.")
            self._job = _Job(self._work, data, connection.wake)
            return
        try:
            message = json.loads(data)
            code = message["code"]
        except (ValueError, TypeError, KeyError):
            raise ProtocolError(1002, "A text frame is not a JSON object with a code.") from None
        if code == STATUS_REQUEST:
            self.is_registered = True
            status = READY if self._job is None else BUSY
            connection.send_json({"code": STATUS, "status": status})
        # Codes this worker does not know are a newer server's business.

    def _tell(self, connection: WebSocket) -> None:
        job = self._job
        if job is None:
            return
        is_finished = job.is_finished()
        if is_finished or not connection.has_unsent():
            note = job.progress.take_note()
            if note is not None:
                connection.send_json(note)
        if not is_finished:
            return
        self._job = None
        if job.result is not None:
            connection.send_binary(job.result)
        else:
            connection.send_json(job.failure)


# --------------------------------------------------------------------------------------------
# RFC 6455


class WebSocket:
    """A WebSocket client. One thread owns it; `wake` alone may be called from any other."""

    def __init__(self, url: str, tls: Optional[ssl.SSLContext] = None) -> None:
        self._socket, early = _open(url, tls)
        self._socket.setblocking(False)
        self._reader = MessageReader(MESSAGE_BYTES_MAX)
        self._arrived: list = self._reader.feed(early)
        self._unsent: deque = deque()
        self._waker, self._wakee = socket.socketpair()
        self._waker.setblocking(False)
        self._wakee.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._wakee, selectors.EVENT_READ)
        self._heard_at = self._pinged_at = time.monotonic()

    def send_json(self, message: dict) -> None:
        # Characters that UTF-8 does not know, as in odd file names, become question marks.
        self._send(TEXT, json.dumps(message, ensure_ascii=False).encode("utf-8", "replace"))

    def send_binary(self, data: bytes) -> None:
        self._send(BINARY, data)

    def has_unsent(self) -> bool:
        return bool(self._unsent)

    def wake(self) -> None:
        """Makes `receive` return soon. The only method that other threads may call."""
        try:
            self._waker.send(b"!")
        except OSError:
            pass  # Full means that it is about to wake; closed means that nobody waits.

    def receive(self, timeout: float) -> list:
        """The text and binary messages that have come, after a wait of at most `timeout`.

        Sends what is unsent meanwhile, answers pings, and raises ConnectionLost at the end.
        """
        self._flush()
        arrived = self._read()
        if not arrived:
            writes = selectors.EVENT_WRITE if self._unsent else 0
            self._selector.modify(self._socket, selectors.EVENT_READ | writes)
            for key, _ in self._selector.select(timeout):
                if key.fileobj is self._wakee:
                    self._wakee.recv(4096)
            self._flush()
            arrived = self._read()
            self._check_silence()
        return [message for message in map(self._sort, arrived) if message is not None]

    def close(self, code: int, reason: str) -> None:
        """Says goodbye and waits a moment for the words to leave; never raises."""
        try:
            begun = self._unsent.popleft() if self._unsent else b""
            body = struct.pack(">H", code) + reason.encode()[:123]
            self._unsent.clear()
            self._socket.settimeout(1.0)
            self._socket.sendall(bytes(begun) + encode_frame(CLOSE, body))
        except OSError:
            pass

    def drop(self) -> None:
        self._selector.close()
        for end in (self._socket, self._waker, self._wakee):
            end.close()

    def _sort(self, message: tuple) -> Optional[tuple]:
        opcode, data = message
        if opcode == PING:
            self._send_control(PONG, data)
        elif opcode == CLOSE:
            code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 1005
            self.close(1000 if code == 1005 else code, "")
            reason = data[2:].decode("utf-8", "replace")
            raise ConnectionLost(f"The server closed the connection ({code} {reason}).")
        elif opcode != PONG:
            return message
        return None

    def _send(self, opcode: int, data: bytes) -> None:
        for start in range(0, max(len(data), 1), FRAGMENT_BYTES_MAX):
            piece = data[start : start + FRAGMENT_BYTES_MAX]
            is_last = start + FRAGMENT_BYTES_MAX >= len(data)
            frame = encode_frame(opcode if start == 0 else CONTINUATION, piece, is_last)
            self._unsent.append(memoryview(frame))
        self._flush()

    def _send_control(self, opcode: int, data: bytes) -> None:
        # Ahead of the fragments that wait, behind the frame that may be half sent.
        self._unsent.insert(1, memoryview(encode_frame(opcode, data)))
        self._flush()

    def _flush(self) -> None:
        while self._unsent:
            try:
                sent = self._socket.send(self._unsent[0])
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            rest = self._unsent[0][sent:]
            if rest:
                self._unsent[0] = rest
            else:
                self._unsent.popleft()

    def _read(self) -> list:
        arrived, self._arrived = self._arrived, []
        while True:
            try:
                data = self._socket.recv(256 * 1024)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return arrived
            if not data:
                if arrived:
                    return arrived  # The end is met again by the next read.
                raise ConnectionLost("The server ended the connection without a word.")
            self._heard_at = time.monotonic()
            arrived += self._reader.feed(data)

    def _check_silence(self) -> None:
        now = time.monotonic()
        if now - self._heard_at > SILENCE_SECONDS_MAX:
            raise ConnectionLost(f"Nothing came for {SILENCE_SECONDS_MAX:.0f} seconds.")
        if now - max(self._heard_at, self._pinged_at) > PING_AFTER_SECONDS:
            self._pinged_at = now
            self._send_control(PING, b"")


class MessageReader:
    """Turns the server's bytes into whole messages. Pure: it reads from no socket."""

    def __init__(self, message_bytes_max: int) -> None:
        self._message_bytes_max = message_bytes_max
        self._buffer = bytearray()
        self._opcode = CONTINUATION  # Of the fragmented message under way, if any.
        self._fragments = bytearray()

    def feed(self, data: bytes) -> list:
        """The messages completed by these bytes, as (opcode, data); control frames as well."""
        self._buffer += data
        messages = []
        while True:
            frame = self._take_frame()
            if frame is None:
                return messages
            message = self._assemble(*frame)
            if message is not None:
                messages.append(message)

    def _take_frame(self) -> Optional[tuple]:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        is_last, opcode = bool(buffer[0] & 0x80), buffer[0] & 0x0F
        length, start = buffer[1] & 0x7F, 2
        if buffer[0] & 0x70:
            raise ProtocolError(1002, "A frame uses an extension that was not agreed on.")
        if buffer[1] & 0x80:
            raise ProtocolError(1002, "A server's frame is masked.")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise ProtocolError(1002, f"A frame has the unknown opcode {opcode}.")
        if opcode >= CLOSE and (length > 125 or not is_last):
            raise ProtocolError(1002, "A control frame is too long or in fragments.")
        if length == 126:
            if len(buffer) < 4:
                return None
            length, start = struct.unpack_from(">H", buffer, 2)[0], 4
        elif length == 127:
            if len(buffer) < 10:
                return None
            length, start = struct.unpack_from(">Q", buffer, 2)[0], 10
        if opcode < CLOSE and length + len(self._fragments) > self._message_bytes_max:
            raise ProtocolError(1009, f"A message is above {self._message_bytes_max} bytes.")
        if len(buffer) < start + length:
            return None
        body = bytes(memoryview(buffer)[start : start + length])
        del buffer[: start + length]
        return opcode, is_last, body

    def _assemble(self, opcode: int, is_last: bool, body: bytes) -> Optional[tuple]:
        if opcode >= CLOSE:
            return opcode, body
        if (opcode == CONTINUATION) != (self._opcode != CONTINUATION):
            raise ProtocolError(1002, "A fragment does not belong to the message before it.")
        if is_last and opcode != CONTINUATION:
            return self._checked(opcode, body)
        self._opcode = self._opcode or opcode
        self._fragments += body
        if not is_last:
            return None
        message = self._checked(self._opcode, bytes(self._fragments))
        self._opcode, self._fragments = CONTINUATION, bytearray()
        return message

    @staticmethod
    def _checked(opcode: int, body: bytes) -> tuple:
        if opcode == TEXT:
            try:
                body.decode()
            except UnicodeDecodeError:
                raise ProtocolError(1007, "A text message is not UTF-8.") from None
        return opcode, body


def encode_frame(opcode: int, data: bytes, is_last: bool = True) -> bytes:
    """One masked frame, as a client must send it."""
    if len(data) < 126:
        length = bytes([0x80 | len(data)])
    elif len(data) < 1 << 16:
        length = b"\xfe" + struct.pack(">H", len(data))
    else:
        length = b"\xff" + struct.pack(">Q", len(data))
    mask = os.urandom(4)
    return bytes([(0x80 if is_last else 0) | opcode]) + length + mask + apply_mask(data, mask)


def apply_mask(data: bytes, mask: bytes) -> bytes:
    """XOR with the repeated mask, done on one large integer: a loop over bytes would be slow."""
    size = len(data)
    pattern = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")
    return mixed.to_bytes(size, "little")


def _open(url: str, tls: Optional[ssl.SSLContext]) -> tuple:
    """Connects and shakes hands; answers with the socket and the bytes that came early."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise Refused(f'"{url}" is no address of a worker socket: write ws://HOST:PORT/api/worker.')
    end = socket.create_connection((parts.hostname, port), timeout=HANDSHAKE_SECONDS_MAX)
    try:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "wss":
            tls = tls or ssl.create_default_context()
            end = tls.wrap_socket(end, server_hostname=parts.hostname)
        return end, _shake_hands(end, parts)
    except BaseException:
        end.close()
        raise


def _shake_hands(end: socket.socket, parts) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    end.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    deadline = time.monotonic() + HANDSHAKE_SECONDS_MAX
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = end.recv(4096)
        if not data or len(answer) > RESPONSE_HEAD_BYTES_MAX or time.monotonic() > deadline:
            raise ConnectionLost("The server did not answer the handshake.")
        answer += data
    head, _, early = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    named = (line.partition(":") for line in lines)
    fields = {name.strip().lower(): value.strip() for name, _, value in named}
    status = (status_line.split(" ") + ["", ""])[1]
    if status != "101":
        sentence, code = _refusal(end, fields, early)
        is_final = status in ("400", "401", "403") or code == "no-such-type"
        problem = f"The server answered {status_line!r}. {sentence}".rstrip()
        raise (Refused if is_final else ConnectionLost)(problem)
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    accepted = fields.get("sec-websocket-accept") == base64.b64encode(digest).decode()
    if not accepted or fields.get("upgrade", "").lower() != "websocket":
        raise ConnectionLost("The answer to the handshake is not that of a WebSocket server.")
    return early


def _refusal(end: socket.socket, fields: dict, early: bytes) -> tuple:
    """The server's own sentence about why it refuses, as far as it can be had, and its code."""
    length = fields.get("content-length", "0")
    wanted = min(int(length) if length.isdigit() else 0, 4096)
    while len(early) < wanted:
        data = end.recv(4096)
        if not data:
            break
        early += data
    text = early[:wanted].decode("utf-8", "replace")
    try:
        problem = json.loads(text)
        return str(problem["detail"]), problem.get("code")
    except (ValueError, TypeError, KeyError):
        return text, None


# --------------------------------------------------------------------------------------------
# The program


def command_work(command: list) -> Work:
    """Work that runs a command: payload on its stdin, result from its stdout, logs from stderr."""

    def work(payload: bytes, progress: Progress) -> bytes:
        environment = {k: v for k, v in os.environ.items() if k != "GRIDLIKE_WORKER_TOKEN"}
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=environment,
                start_new_session=True,
            )
        except OSError as problem:
            raise JobFailed(f"The command cannot be started: {problem}") from None
        unsent: Optional[bytes] = payload
        while True:
            try:
                result, errors = process.communicate(unsent, timeout=COMMAND_POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                unsent = None  # The first call has taken it.
                if progress.lost.is_set():
                    _kill(process)
        if process.returncode != 0:
            how = "exit code" if process.returncode > 0 else "signal"
            info = f"The command ended with {how} {abs(process.returncode)}."
            raise JobFailed(info, errors.decode("utf-8", "replace"))
        return result

    return work


def _kill(process: subprocess.Popen) -> None:
    """Ends the command with the processes that it started, where the system has such groups."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass


def default_id() -> str:
    """A name for this machine that outlives restarts."""
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            return file.read().strip() or socket.gethostname()
    except OSError:
        return socket.gethostname()


def _arguments(argv: list) -> argparse.Namespace:
    cut = argv.index("--") if "--" in argv else len(argv)
    options, command = argv[:cut], argv[cut + 1 :]
    parser = argparse.ArgumentParser(
        usage="%(prog)s --url URL [--token-file FILE] [--name NAME] [--id ID] [--ca-file FILE]"
        " -- COMMAND...",
        description="A GridLike worker that runs a command for each job: "
        "the payload is its standard input, its standard output the result.",
    )
    parser.add_argument("--url", required=True, help="ws://HOST:PORT/api/worker or .../worker/TYPE")
    parser.add_argument("--token-file", help="else the environment's GRIDLIKE_WORKER_TOKEN")
    parser.add_argument("--name", default=socket.gethostname(), help="what people see")
    parser.add_argument("--id", default=default_id(), help="a stable label of this machine")
    parser.add_argument("--ca-file", help="the certificate to trust for wss://")
    parsed = parser.parse_args(options)
    if not command:
        parser.error("give the command to run after --")
    parsed.command = command
    if parsed.token_file:
        with open(parsed.token_file, encoding="utf-8") as file:
            parsed.token = file.read().strip()
    else:
        parsed.token = os.environ.get("GRIDLIKE_WORKER_TOKEN", "")
    if not parsed.token:
        parser.error("no token: use --token-file or the environment variable GRIDLIKE_WORKER_TOKEN")
    return parsed


def main(argv: list) -> int:
    arguments = _arguments(argv)
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda *_: stop.set())
    tls = ssl.create_default_context(cafile=arguments.ca_file) if arguments.ca_file else None
    work = command_work(arguments.command)
    who = (arguments.token, arguments.name, arguments.id)
    try:
        run_worker(arguments.url, *who, work, stop=stop, log=print_log, tls=tls)
    except Refused as problem:
        print_log(str(problem))
        return 4
    return 0


def print_log(line: str) -> None:
    print(f"gridlike_worker: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
