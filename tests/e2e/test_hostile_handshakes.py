"""Attackers that connect, and shake hands in a wrong way, slowly or endlessly. See test_hostile.py."""
import contextlib
import json
import random
import resource
import secrets
import socket
import struct
import unittest

import curve_client
import test_auth
from test_bad_input import ROOM
from test_hostile import ALL, MEGABYTE, SEES_HONEST, HostileCase, pour


class Handshakes(HostileCase):
    def each(self, endpoint, keys, tampering, kind, timeout=60):
        """A handshake that goes wrong; returns whether it succeeded all the same."""
        one = self.curve(endpoint, keys, kind=kind, timeout=timeout)
        one.tampered = tampering(one)
        try:
            one.handshake()
            return True
        except (curve_client.Closed, ValueError, TimeoutError):
            return False

    def ports(self, broker):
        return (broker.server, b"DEALER"), (broker.back, b"SUB")

    def test_cut_at_each_byte(self):
        with self.besieged(test_auth.section("alice", self.alice)) as (broker, honest):
            one = self.curve(broker.server, self.alice)
            one.handshake()
            size = sum(len(data) for data in one.sent.values())

            def cut(at):
                def tampering(connection):
                    left = at

                    def tampered(_step, data):
                        nonlocal left
                        if left >= len(data):
                            left -= len(data)
                            return data
                        connection.one.sendall(data[:left])
                        if at % 3 == 1:  # a reset
                            connection.one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        if at % 3 != 0:  # else it stays open, until the broker loses patience
                            connection.close()
                        raise curve_client.Closed
                    return tampered
                return tampering
            for endpoint, kind in self.ports(broker):
                for at in range(size - (kind == b"SUB") * 3):
                    self.assertFalse(self.each(endpoint, self.alice, cut(at), kind))
                    if at % 100 == 0:
                        honest.check()
            self.assertEqual(self.keyed(broker, self.alice).welcome["user"], "alice")

    def test_a_byte_twisted(self):
        """Nowhere does it let in a stranger."""
        pick = random.Random(20261121)

        def twist(at, bits):
            def tampering(_connection):
                left = at

                def tampered(_step, data):
                    nonlocal left
                    here, left = left, left - len(data)
                    return data[:here] + bytes([data[here] ^ bits]) + data[here + 1:] if 0 <= here < len(data) else data
                return tampered
            return tampering
        with self.besieged(test_auth.section("alice", self.alice)) as (broker, honest):
            for endpoint, kind in self.ports(broker):
                for at in range(64 + 202 + 303):
                    for keys in (self.alice, self.stranger):
                        # A length that is too large is waited for; not here.
                        found = self.each(endpoint, keys, twist(at, pick.randrange(1, 256)), kind, timeout=0.2)
                        self.assertFalse(found and keys is self.stranger, at)
                    if at % 100 == 0:
                        honest.check()

    def test_recorded(self):
        """Bytes that an observer recorded have no effect when they are sent again: neither all of them, nor a message on the same connection."""
        with self.besieged(test_auth.section("alice", self.alice, rules=ALL)) as (broker, honest):
            alice = self.curve(broker.server, self.alice)
            alice.handshake()
            alice.say(json.dumps({"op": "hello", "proto": 1, "client": secrets.token_hex(16)}).encode())
            self.assertIn(b"welcome", alice.hear())
            alice.say(b'{"op":"publish","room":"once","text":"x"}')
            self.assertIn(b'"ack"', alice.hear())
            said = dict(alice.sent)
            alice.one.sendall(said["message"])
            with self.assertRaises((curve_client.Closed, TimeoutError)):
                alice.hear()
            for endpoint, _kind in self.ports(broker):
                one = self.raw(endpoint)
                got = b""
                with contextlib.suppress(OSError):
                    for step in ("greeting", "hello", "initiate", "message"):
                        one.sendall(said[step])
                    while more := one.recv(65536):
                        got += more
                self.assertNotIn(b"READY", got)
            watcher = self.keyed(broker, self.alice)
            self.assertEqual([room["seq"] for room in watcher.ask(op="rooms", prefix="once")["rooms"]], [1])
            honest.check()

    COMMANDS = [b"", b"\0", b"\x05HELLO", b"\x05HELLO\x01\x00" + bytes(192), b"\x08INITIATE", b"\x08INITIATE" + bytes(248),
                b"\x08INITIATE" + bytes(2000), b"\x07WELCOME" + bytes(160), b"\x05READY" + bytes(30), b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER",
                b"\x05ERROR\x03400", b"\x05ERROR\xff", b"\x05ERROR", b"\x07MESSAGE", b"\x07MESSAGE" + bytes(8), b"\x07MESSAGE" + bytes(24),
                b"\x07MESSAGE" + b"\xff" * 50,
                b"\x07MESSAGE" + bytes(8) + bytes(60_000), b"\x04PING\0\0", b"\x04PING\0\0" + bytes(200), b"\x04PONG", b"\x09SUBSCRIBE",
                b"\x06CANCEL", b"\x04JOINgroup", b"\x05LEAVEgroup", b"\xffEVIL", b"\x01\x00", b"\x01", b"\x01" + ROOM.encode(), b"{}"]

    def test_commands_out_of_place(self):
        """Each at each step of a handshake and after it, as a command and as a message, in the clear."""
        with self.besieged(test_auth.section("alice", self.alice, rules=SEES_HONEST)) as (broker, honest):
            for endpoint, kind in self.ports(broker):
                for body in self.COMMANDS:
                    for frame in (curve_client.command(body), curve_client.Connection.wrapped(body)):
                        for when in ("greeting", "hello", "initiate", "message"):
                            one = self.curve(endpoint, self.alice, kind=kind)
                            after = b"" if kind == b"DEALER" else b"\x01"

                            def tampered(step, data, one=one, when=when, frame=frame):
                                if step != when:
                                    return data
                                # And no more: it sees the end of our bytes.
                                one.one.sendall(data + frame if step == "greeting" else frame)
                                with contextlib.suppress(OSError):  # it is gone already
                                    one.one.shutdown(socket.SHUT_WR)
                                return b""
                            one.tampered = tampered
                            got = b""
                            with contextlib.suppress(curve_client.Closed, ValueError):
                                one.handshake()
                                one.say(after or b'{"op":"ping"}')
                                while True:
                                    got += one.hear()
                            self.assertNotIn(ROOM.encode() + b"\0", got)
                            one.close()
                    honest.check()

    def test_messages_that_do_not_open(self):
        """After the handshake, in the right frame, but not made with the keys; and subscriptions in the clear."""
        with self.besieged(test_auth.section("alice", self.alice, rules=SEES_HONEST)) as (broker, honest):
            for twisted in (lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda data: data[:10] + bytes(8) + data[18:],
                            lambda data: data[:10] + b"\xff" * 8 + data[18:], lambda data: b"\0\x01" + b"\x01", lambda data: b"\0\x00",
                            lambda data: b"\x01" + data[1:], lambda data: data[:2] + b"\x07MESSAGF" + data[10:]):
                one = self.curve(broker.back, self.alice, kind=b"SUB")
                one.handshake()
                one.one.sendall(twisted(one.message(b"\x01\xff" + b"0" * 8)))
                with contextlib.suppress(OSError):  # it is gone already
                    one.one.shutdown(socket.SHUT_WR)
                with self.assertRaises(curve_client.Closed):
                    one.hear()
                honest.check()
            # And one that does.
            one = self.curve(broker.back, self.alice, kind=b"SUB")
            one.handshake()
            one.say(b"\x01\xff" + b"0" * 8)
            self.assertIn(b"synced", one.hear())

    def test_greetings_without_end(self):
        with self.besieged(test_auth.section("alice", self.alice)) as (broker, honest):
            for data in (b"\xff", b"\0", b"\xff" + bytes(8) + b"\x7f", curve_client.GREETING, curve_client.GREETING[:63], b"A" * 64,
                         secrets.token_bytes(4096), b"\x01\x00", b"\x06" + b"\xff" * 8):
                for endpoint, _kind in self.ports(broker):
                    pour(self.raw(endpoint), data * (65536 // len(data) + 1), 8 * MEGABYTE)
                honest.check()

    def test_thousands_of_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        count = min(2000, (hard - 200) // 2)
        with self.besieged(test_auth.section("alice", self.alice)) as (broker, honest):
            started = curve_client.Connection(broker.server, self.public, *self.stranger)
            self.addCleanup(started.close)
            hello = started.hello()
            kept = []
            for number in range(count):
                one = self.raw((broker.server, broker.back)[number % 2])
                with contextlib.suppress(ConnectionError):
                    one.sendall((b"", curve_client.GREETING[:11], curve_client.GREETING, curve_client.GREETING + hello)[number // 2 % 4])
                kept.append(one)
                if number % 500 == 0:
                    honest.check()
            honest.check()
            self.assertEqual(self.keyed(broker, self.alice).welcome["user"], "alice")
            for one in kept:
                one.close()
            honest.check()


if __name__ == "__main__":
    unittest.main()
