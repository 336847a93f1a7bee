"""Tests of the WebSocket client inside gridlike_worker.py: python3 -m unittest in this folder."""

import base64
import hashlib
import json
import socket
import struct
import threading
import unittest

import gridlike_worker as worker
from gridlike_worker import BINARY, CONTINUATION, PING, TEXT, MessageReader, ProtocolError


def server_frame(opcode, data, is_last=True):
    """A frame as a server sends it: not masked."""
    if len(data) < 126:
        length = bytes([len(data)])
    elif len(data) < 1 << 16:
        length = b"\x7e" + struct.pack(">H", len(data))
    else:
        length = b"\x7f" + struct.pack(">Q", len(data))
    return bytes([(0x80 if is_last else 0) | opcode]) + length + data


def reader(message_bytes_max=1 << 24):
    return MessageReader(message_bytes_max)


class Frames(unittest.TestCase):
    def test_a_frame_of_any_length_class_is_read_back(self):
        for size in (0, 1, 125, 126, 65535, 65536, (1 << 20) + 3):
            data = bytes(i * 7 % 251 for i in range(size))
            self.assertEqual(reader().feed(server_frame(BINARY, data)), [(BINARY, data)])

    def test_an_encoded_frame_is_masked_and_unmasks_to_its_data(self):
        for size in (0, 1, 3, 4, 5, 125, 126, 65535, 65536):
            data = bytes(i % 256 for i in range(size))
            frame = worker.encode_frame(BINARY, data)
            self.assertEqual(frame[0], 0x80 | BINARY)
            self.assertEqual(frame[1] & 0x80, 0x80)
            start = {126: 4, 127: 10}.get(frame[1] & 0x7F, 2)
            mask, body = frame[start : start + 4], frame[start + 4 :]
            self.assertEqual(worker.apply_mask(body, mask), data)

    def test_bytes_may_come_one_at_a_time(self):
        reading, messages = reader(), []
        for byte in server_frame(TEXT, "grün".encode()) + server_frame(BINARY, b"x" * 300):
            messages += reading.feed(bytes([byte]))
        self.assertEqual(messages, [(TEXT, "grün".encode()), (BINARY, b"x" * 300)])

    def test_fragments_are_joined_and_a_ping_may_come_between(self):
        data = server_frame(BINARY, b"one ", False) + server_frame(PING, b"?")
        data += server_frame(CONTINUATION, b"two ", False) + server_frame(CONTINUATION, b"three")
        self.assertEqual(reader().feed(data), [(PING, b"?"), (BINARY, b"one two three")])

    def test_a_character_may_be_cut_by_a_fragment(self):
        whole = "ü".encode()
        data = server_frame(TEXT, whole[:1], False) + server_frame(CONTINUATION, whole[1:])
        self.assertEqual(reader().feed(data), [(TEXT, whole)])

    def test_what_the_standard_forbids_is_refused_with_its_close_code(self):
        forbidden = {
            "masked": (worker.encode_frame(TEXT, b"{}"), 1002),
            "reserved bit": (b"\xc1\x00", 1002),
            "unknown opcode": (b"\x83\x00", 1002),
            "long ping": (server_frame(PING, b"x" * 126), 1002),
            "fragmented ping": (server_frame(PING, b"", False), 1002),
            "continuation of nothing": (server_frame(CONTINUATION, b"x"), 1002),
            "new message inside": (server_frame(TEXT, b"", False) + server_frame(TEXT, b""), 1002),
            "not UTF-8": (server_frame(TEXT, b"\xff"), 1007),
            "too large": (server_frame(BINARY, b"x" * 65), 1009),
            "too large together": (
                server_frame(BINARY, b"x" * 40, False) + server_frame(CONTINUATION, b"x" * 40),
                1009,
            ),
        }
        for name, (data, code) in forbidden.items():
            with self.subTest(name), self.assertRaises(ProtocolError) as caught:
                reader(64 if "large" in name else 1 << 20).feed(data)
            self.assertEqual(caught.exception.close_code, code, name)


class Handshake(unittest.TestCase):
    def serve(self, answer):
        """A server for one connection that answers the handshake with `answer(key)`."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def run():
            end, _ = listener.accept()
            with end:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += end.recv(4096)
                fields = dict(l.split(": ", 1) for l in request.decode().split("\r\n")[1:] if l)
                self.fields = fields
                end.sendall(answer(fields["Sec-WebSocket-Key"]))

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        return f"ws://127.0.0.1:{listener.getsockname()[1]}/api/worker"

    @staticmethod
    def accepting(key):
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        return (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: upgrade\r\n"
            f"SEC-WEBSOCKET-ACCEPT: {base64.b64encode(digest).decode()}\r\n\r\n"
        ).encode()

    def test_bytes_that_follow_the_handshake_at_once_are_not_lost(self):
        url = self.serve(lambda key: self.accepting(key) + server_frame(TEXT, b'{"code":2}'))
        connection = worker.WebSocket(url)
        self.addCleanup(connection.drop)
        self.assertEqual(connection.receive(5.0), [(TEXT, b'{"code":2}')])
        self.assertEqual(self.fields["Sec-WebSocket-Version"], "13")

    def test_a_wrong_accept_key_is_no_connection(self):
        url = self.serve(lambda key: self.accepting("another key"))
        with self.assertRaises(worker.ConnectionLost):
            worker.WebSocket(url)

    def test_a_refusal_is_final_and_keeps_the_servers_sentence(self):
        body = json.dumps({"detail": "This server has job types: sample, collide."}).encode()
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        url = self.serve(lambda key: head + body)
        with self.assertRaisesRegex(worker.Refused, "job types: sample, collide"):
            worker.WebSocket(url)

    def test_what_is_no_address_is_refused_at_once(self):
        for url in ("http://127.0.0.1/api/worker", "ws://", "ws://127.0.0.1:port", "closet:7171"):
            with self.subTest(url), self.assertRaisesRegex(worker.Refused, "is no address"):
                worker.WebSocket(url)

    def test_an_unknown_type_is_final_and_any_other_missing_route_is_not(self):
        for code, expected in (("no-such-type", worker.Refused), (None, worker.ConnectionLost)):
            body = json.dumps({"detail": "There is no such thing.", "code": code}).encode()
            head = f"HTTP/1.1 404 Not Found\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            with self.subTest(code), self.assertRaisesRegex(expected, "no such thing"):
                worker.WebSocket(self.serve(lambda key: head + body))

    def test_a_server_that_is_busy_is_asked_again(self):
        url = self.serve(lambda key: b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
        with self.assertRaisesRegex(worker.ConnectionLost, "503"):
            worker.WebSocket(url)


if __name__ == "__main__":
    unittest.main()
