"""A CURVE connection by hand (ZMTP 3.1, RFC 23 and 26), for tests that break off, twist or repeat what a library does right."""
import ctypes
import ctypes.util
import os
import socket
import struct

import zmq.utils.z85

sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE" + bytes(15) + b"\x00" + bytes(31)


def keypair():
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    sodium.crypto_box_keypair(public, secret)
    return public.raw, secret.raw


def box(text, nonce, public, secret):
    out = ctypes.create_string_buffer(len(text) + 16)
    sodium.crypto_box_easy(out, text, ctypes.c_ulonglong(len(text)), nonce, public, secret)
    return out.raw


def unbox(cipher, nonce, public, secret):
    out = ctypes.create_string_buffer(len(cipher) - 16)
    if sodium.crypto_box_open_easy(out, cipher, ctypes.c_ulonglong(len(cipher)), nonce, public, secret):
        raise ValueError("no such box")
    return out.raw


def command(body):
    """A ZMTP frame with the command flag."""
    return bytes([4, len(body)]) + body if len(body) < 256 else b"\x06" + struct.pack(">Q", len(body)) + body


def metadata(*properties):
    return b"".join(bytes([len(name)]) + name + struct.pack(">I", len(value)) + value for name, value in properties)


class Closed(Exception):
    """The broker ended the connection."""


class Connection:
    """The client's side. `tampered(step, bytes)` may change what is sent, or raise; steps are greeting, hello, initiate and message."""

    def __init__(self, endpoint, server, public, secret, kind=b"DEALER", more=(), tampered=lambda step, data: data, timeout=60):
        host, port = endpoint[len("tcp://"):].rsplit(":", 1)
        self.one = socket.create_connection((host, int(port)), timeout=timeout)
        self.server, self.public, self.secret = (zmq.utils.z85.decode(key) for key in (server, public, secret))
        self.short, self.short_secret = keypair()
        self.number, self.buffer, self.tampered, self.sent = 0, b"", tampered, {}
        self.properties = [(b"Socket-Type", kind), *more]

    def close(self):
        self.one.close()

    def send(self, step, data):
        self.sent[step] = data
        try:
            self.one.sendall(self.tampered(step, data))
        except OSError:
            raise Closed from None

    def read(self, size):
        while len(self.buffer) < size:
            try:
                more = self.one.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                raise Closed
            self.buffer += more
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def read_frame(self):
        flags, = self.read(1)
        size, = struct.unpack(">Q", self.read(8)) if flags & 2 else self.read(1)
        return self.read(size)

    def nonce(self, name):
        self.number += 1
        return name + struct.pack(">Q", self.number)

    def hello(self):
        nonce = self.nonce(b"CurveZMQHELLO---")
        return command(b"\x05HELLO\x01\x00" + bytes(72) + self.short + nonce[16:] + box(bytes(64), nonce, self.server, self.short_secret))

    def initiate(self, cookie):
        vouch_nonce = os.urandom(16)
        vouch = vouch_nonce + box(self.short + self.server, b"VOUCH---" + vouch_nonce, self.server_short, self.secret)
        nonce = self.nonce(b"CurveZMQINITIATE")
        inner = self.public + vouch + metadata(*self.properties)
        return command(b"\x08INITIATE" + cookie + nonce[16:] + box(inner, nonce, self.server_short, self.short_secret))

    def message(self, body, flags=0, nonce=None):
        nonce = nonce or self.nonce(b"CurveZMQMESSAGEC")
        return self.wrapped(b"\x07MESSAGE" + nonce[16:] + box(bytes([flags]) + body, nonce, self.server_short, self.short_secret))

    @staticmethod
    def wrapped(body):
        """A frame that is no command: so a MESSAGE goes."""
        return bytes([0, len(body)]) + body if len(body) < 256 else b"\x02" + struct.pack(">Q", len(body)) + body

    def handshake(self):
        """To READY; returns what that says. Raises Closed, or ValueError for an answer that is not of the protocol."""
        self.send("greeting", GREETING)
        self.read(64)
        self.send("hello", self.hello())
        welcome = self.read_frame()
        if not welcome.startswith(b"\x07WELCOME"):
            raise ValueError(welcome)
        inner = unbox(welcome[24:], b"WELCOME-" + welcome[8:24], self.server, self.short_secret)
        self.server_short = inner[:32]
        self.send("initiate", self.initiate(inner[32:]))
        ready = self.read_frame()
        if not ready.startswith(b"\x05READY"):
            raise ValueError(ready)
        return unbox(ready[14:], b"CurveZMQREADY---" + ready[6:14], self.server_short, self.short_secret)

    def say(self, body):
        self.send("message", self.message(body))

    def hear(self):
        """The next message."""
        while True:
            frame = self.read_frame()
            if frame.startswith(b"\x07MESSAGE"):
                return unbox(frame[16:], b"CurveZMQMESSAGES" + frame[8:16], self.server_short, self.short_secret)[1:]
