"""Limits on one address, from another one than loopback."""
import errno
import re
import secrets
import select
import signal
import socket
import unittest

from harness import own_address, wait_for
from test_auth import FAST, GREETING, AuthCase, message, ready, section, talk


@unittest.skipUnless(own_address(), "this machine has no address but loopback")
class Addresses(AuthCase):
    """Limits on other machines' connections; this one's own address counts as another's."""

    listen = "tcp://0.0.0.0:*"

    def connect(self, broker, address=None):
        port = int(broker.server.rsplit(":", 1)[1])
        one = socket.create_connection((address or own_address(), port))
        self.addCleanup(one.close)
        return one

    def works(self, one):
        """Is this raw connection let in? A session begins, and goes on after the broker has surely counted its connections."""
        hello = message(op="hello", proto=1, client=secrets.token_hex(16))
        return (talk(one, GREETING, b"READY") and talk(one, ready() + hello, b'"welcome"') and
                all(talk(one, message(op="ping"), b'"pong"') for _ in range(3)))

    def ended(self, one):
        """Whether the broker closed it; it says nothing by itself."""
        try:
            return one.recv(65536, socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def test_connections_at_a_time(self):
        broker = self.broker("--listen", self.listen, "--insecure",
                             config=FAST + "limits\n    max-address-connections = 3\n    rate-handshakes = 0\n")
        few = [self.connect(broker) for _ in range(3)]
        self.assertTrue(all(self.works(one) for one in few))
        self.assertFalse(self.works(self.connect(broker)))
        broker.wait_err(f"closed a connection of {re.escape(own_address())}")
        self.assertFalse(any(self.ended(one) for one in few))
        self.assertTrue(self.works(self.connect(broker, "127.0.0.1")))  # this machine's own are not counted
        few.pop().close()
        wait_for(lambda: self.works(self.connect(broker)), "the place that was given back")
        broker.signal(signal.SIGTERM)
        broker.finish()
        self.assertRegex(broker.errors(), r"connections_refused [1-9]")

    def test_connections_a_second(self):
        broker = self.broker("--listen", self.listen, "--insecure", config=FAST + "limits\n    rate-handshakes = 1\n")
        few = [self.connect(broker) for _ in range(4)]
        self.assertTrue(all(self.works(one) for one in few))
        wait_for(lambda: not self.works(self.connect(broker)), "one that came too fast")
        wait_for(lambda: self.works(self.connect(broker)), "a later one")
        self.assertFalse(any(self.ended(one) for one in few))
        self.assertTrue(self.works(self.connect(broker, "127.0.0.1")))

    def answered(self, broker):
        """Whether the kernel takes a connection; on this machine it has done so when the call that asks for it is back."""
        with socket.socket() as one:
            one.setblocking(False)
            self.assertIn(one.connect_ex((own_address(), int(broker.server.rsplit(":", 1)[1]))), (0, errno.EINPROGRESS))
            return bool(select.select([], [one], [], 0)[1])

    def test_a_flood_costs_connections(self):
        """As many as can be made in a second, for each flood: after some the address is answered no more, and others are."""
        broker = self.broker("--listen", self.listen, "--insecure",
                             config=FAST + "limits\n    rate-ops = 4\n    rate-handshakes = 1000000\n")
        honest = self.connect(broker)
        self.assertTrue(self.works(honest))
        flooders = [self.connect(broker) for _ in range(14)]
        self.assertTrue(all(self.works(one) for one in flooders))
        for one in flooders:
            one.sendall(message(op="dance") * 20)
        for one in flooders:
            self.assertIsNone(talk(one, b"", b"never"))
        wait_for(lambda: not self.answered(broker), "no answer")
        broker.wait_err(f"closed a connection of {re.escape(own_address())}")  # the first that was one too many
        self.assertTrue(self.works(self.connect(broker, "127.0.0.1")))
        self.assertFalse(self.ended(honest))


@unittest.skipUnless(own_address(), "this machine has no address but loopback")
class MappedAddresses(Addresses):
    """The same where IPv4 comes by IPv6: ::ffff:192.0.2.1 is 192.0.2.1."""
    listen = "tcp://*:*"

    def test_it_is_shown_as_it_is(self):
        broker = self.encrypted(section("alice", self.alice), head=FAST + f"    listen = {self.listen}\n")
        stranger = self.keyed(broker, self.stranger, f"tcp://{own_address()}:{broker.server.rsplit(':', 1)[1]}", hello=False)
        self.assertEqual(stranger.event(stranger.front)[0], "handshake_failed_auth")
        broker.wait_err(f"handshake from {re.escape(own_address())} refused")

    def test_rooms_of_an_address(self):
        """Made by a peer of either listener, they count for one address."""
        broker = self.broker("--listen", self.listen, "--listen", "tcp://0.0.0.0:*", "--insecure",
                             config=FAST + "limits\n    max-user-rooms = 1\n")
        ports = [one.rsplit(":", 1)[1] for one in broker.listen]
        one, other = (self.peer(f"tcp://{own_address()}:{port}") for port in ports)
        self.assertEqual(one.ask(op="publish", room="a", text="x")["op"], "ack")
        self.assertEqual(other.ask(op="publish", room="b", text="x")["code"], "too-many-rooms")
        here = self.peer(f"tcp://127.0.0.1:{ports[0]}")  # this machine's own do not count
        for room in "cd":
            self.assertEqual(here.ask(op="publish", room=room, text="x")["op"], "ack")


if __name__ == "__main__":
    unittest.main()
