"""Plain TCP lines with real programs: telnet, nc and small asyncio scripts."""
import asyncio
import re
import shutil
import signal
import socket
import struct
import subprocess
import unittest

from gateway_case import GATEWAY
from harness import DEADLINE, Program, wait_for
from test_gateway_access import EVERYTHING, AccessCase


class Peer:
    """A connection, read line by line."""

    def __init__(self, gateway, receive=None):
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(DEADLINE)
        host, _, port = gateway.lines.rpartition(":")
        self.socket.connect((host, int(port)))
        self.buffer = b""

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def line(self):
        """The next line without its LF; None at the end."""
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def until(self, pattern):
        """The next line that has this; those before it are dropped."""
        while True:
            line = self.line()
            if line is None:
                raise EOFError(f"no {pattern!r} before the end")
            if re.search(pattern, line):
                return line

    def rest(self):
        """All lines up to the end."""
        lines = []
        while (line := self.line()) is not None:
            lines.append(line)
        return lines

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()


class LinesCase(AccessCase):
    def lines_gateway(self, broker=None, *arguments, **options):
        return self.gateway(broker or self.broker(), "--lines", "127.0.0.1:*", *arguments, **options)

    def come(self, gateway, nick=None, seen_by=None, **options):
        """A peer that has its greeting, and this nick; `seen_by` has heard of it."""
        peer = Peer(gateway, **options)
        self.addCleanup(peer.close)
        peer.greeting = peer.until("welcome")
        if nick:
            peer.send(f"/nick {nick}\n")
            peer.until(f"you are {nick} now")
        if seen_by:
            seen_by.until(rf"^\* (\S+ is now )?{nick}( joined)?$")
        return peer


class Chat(LinesCase):
    def test_the_greeting_names_address_and_nick(self):
        peer = self.come(self.lines_gateway())
        host, port = peer.socket.getsockname()
        self.assertRegex(peer.greeting, rf"^\* welcome, {host}:{port}; you are guest-\w+ in lobby; /help lists the commands$")

    def test_two_talk_and_see_each_other_come_and_go(self):
        gateway = self.lines_gateway()
        ann = self.come(gateway, "ann")
        bob = self.come(gateway, "bob", seen_by=ann)
        bob.send("hello\r\n")
        self.assertEqual(ann.line(), "bob: hello")
        self.assertEqual(bob.until("hello"), "bob: hello\r")
        ann.send("/who\n/msg bob psst\n")
        self.assertEqual({ann.line(), ann.line()}, {"* in lobby: ann, bob", "* told bob"})
        self.assertEqual(bob.line(), "*ann* psst\r")
        bob.send("/quit\n")
        self.assertEqual(bob.until("goodbye"), "* goodbye\r")
        self.assertIsNone(bob.line())
        self.assertEqual(ann.line(), "* bob left")

    def test_the_broker_decides_about_a_nick(self):
        gateway = self.lines_gateway()
        self.come(gateway, "ann")
        bob = self.come(gateway)
        bob.send("/nick ann\n")
        self.assertRegex(bob.until("nick"), r"^\* .*nick")
        bob.send("still here\n")
        self.assertRegex(bob.until("still here"), "^guest-.*: still here$")

    def test_history_and_the_last_messages_again(self):
        broker = self.broker()
        gateway = self.lines_gateway(broker, "--lines-history", "3")
        for i in range(5):
            self.run_zrelay(broker, "--nick", "old", "pub", "lobby", str(i))
        peer = self.come(gateway)
        self.assertEqual([peer.line() for _ in range(3)], ["old: 2", "old: 3", "old: 4"])
        peer.send("/last 2\n")
        self.assertEqual([peer.line() for _ in range(2)], ["old: 3", "old: 4"])

    def test_the_room_of_the_others(self):
        """A person in telnet, one in a browser and one at the command line are in the same room."""
        broker = self.broker()
        gateway = self.lines_gateway(broker, "--lines-room", "cafe")
        ann = self.come(gateway, "ann")
        browser = self.browser(gateway, "bea")
        browser.say(op="join", id=1, room="cafe")
        browser.hear("joined")
        self.assertEqual(ann.until("joined"), "* bea joined")
        browser.say(op="publish", id=2, room="cafe", text="from a browser")
        self.assertEqual(ann.line(), "bea: from a browser")
        self.run_zrelay(broker, "--nick", "cli", "pub", "cafe", "from a shell")
        self.assertEqual(ann.until("shell"), "cli: from a shell")
        ann.send("from telnet\n")
        texts = []
        while "from telnet" not in texts:
            texts += [entry["text"] for entry in browser.hear("entries")["entries"]]
        self.assertEqual(texts, ["from a browser", "from a shell", "from telnet"])

    def test_another_room(self):
        gateway = self.lines_gateway()
        bob = self.come(gateway, "bob")
        ann = self.come(gateway, "ann", seen_by=bob)
        ann.send("/join private/tea\n")
        ann.until("you are in private/tea")
        bob.until("ann left")
        ann.send("alone\n")
        self.assertEqual(ann.until("alone"), "ann: alone")
        bob.send("here\n")
        self.assertEqual(bob.line(), "bob: here")
        ann.send("/join lobby\n")
        ann.until("you are in lobby")
        self.assertEqual(ann.line(), "bob: here")

    def test_the_text_alone(self):
        gateway = self.lines_gateway(None, "--lines-format", "body")
        ann, bob = self.come(gateway, "ann"), self.come(gateway, "bob")
        bob.send("hello\n")
        self.assertEqual(ann.line(), "hello")
        bob.close()
        ann.send("again\n")
        self.assertEqual(ann.line(), "again")

    def test_peers_texts_are_escaped(self):
        broker = self.broker()
        peer = self.come(self.lines_gateway(broker))
        self.run_zrelay(broker, "--nick", "eve", "pub", "lobby", "--file", "-", stdin=b"a\nb\x1b[2J\xff")
        self.assertEqual(peer.until("^eve"), r"eve: a\x0ab\x1b[2J\xff")


class Clients(LinesCase):
    def talk_to(self, command, *lines, **options):
        program = Program(command, **options)
        self.addCleanup(program.end)
        return program

    @unittest.skipUnless(shutil.which("telnet"), "telnet is not installed")
    def test_telnet(self):
        gateway = self.lines_gateway()
        host, port = gateway.lines.split(":")
        bob = self.come(gateway, "bob")
        telnet = self.talk_to(["telnet", host, port])
        telnet.wait_out(rb"welcome, .*you are (guest-\w+)")
        telnet.process.stdin.write(b"hello from telnet\n")
        telnet.process.stdin.flush()
        self.assertRegex(bob.until("telnet"), "^guest-.*: hello from telnet$")
        bob.send("and back\n")
        telnet.wait_out(rb"bob: and back\r?\n")

    @unittest.skipUnless(shutil.which("nc"), "nc is not installed")
    def test_nc(self):
        gateway = self.lines_gateway()
        host, port = gateway.lines.split(":")
        bob = self.come(gateway, "bob")
        found = subprocess.run(["nc", "-N", host, port], input=b"/nick carol\nhello from nc\nand no newline", capture_output=True,
                               timeout=DEADLINE, check=True)
        self.assertEqual(bob.until("from nc"), "carol: hello from nc")
        self.assertEqual(bob.until("newline"), "carol: and no newline")
        self.assertIn(b"carol: hello from nc\ncarol: and no newline\n", found.stdout)

    def test_a_script_of_ten_lines(self):
        gateway = self.lines_gateway(None, "--lines-format", "body")
        host, port = gateway.lines.split(":")

        async def script():
            reader, writer = await asyncio.open_connection(host, int(port))
            print_out = [await reader.readline()]
            writer.write(b"hello\n")
            await writer.drain()
            writer.write_eof()
            print_out.append(await reader.read())
            writer.close()
            return print_out
        greeting, rest = asyncio.run(asyncio.wait_for(script(), DEADLINE))
        self.assertIn(b"welcome", greeting)
        self.assertEqual(rest, b"hello\n")

    def test_bytes_without_a_newline_and_the_end(self):
        gateway = self.lines_gateway()
        watcher = self.come(gateway)
        peer = Peer(gateway)
        self.addCleanup(peer.close)
        peer.send("x" * 100)
        peer.end()
        lines = peer.rest()
        self.assertRegex(lines[0], "welcome, .*you are guest-")
        self.assertRegex(lines[-1], "^guest-.*: x{100}$")
        watcher.until("x{100}")

    def test_a_command_before_the_end_is_answered(self):
        gateway = self.lines_gateway()
        ann = self.come(gateway, "ann")
        for command, answer in [("/who", r"^\* in lobby: ann, guest-\w+$"), ("/msg ann psst", r"^\* told ann$"),
                                ("/msg eve psst", r"^\* eve: "), ("/nick ann", r"^\* .*nick"), ("/nick bob", r"^\* you are bob now$")]:
            with self.subTest(command):
                peer = Peer(gateway)
                self.addCleanup(peer.close)
                peer.send(command + "\n")
                peer.end()
                self.assertRegex("\n".join(peer.rest()), f"(?m){answer}")
        ann.until("psst")

    def test_an_end_without_a_word_gets_its_greeting(self):
        peer = Peer(self.lines_gateway())
        self.addCleanup(peer.close)
        peer.end()
        self.assertRegex(peer.rest()[0], "welcome")

    def test_telnet_negotiation_is_skipped(self):
        peer = self.come(self.lines_gateway())
        peer.send(b"\xff\xfb\x1f\xff\xfa\x1f\x00P\x00\n\xff\xf0he\xff\xf1llo\r\0\r\n")
        self.assertRegex(peer.line(), r"^guest-\w+: hello\\x0d\r$")

    def test_a_thousand_at_once(self):
        """Each sees each message once, and all see them in the same order."""
        count = 1000
        gateway = self.lines_gateway(self.broker(descriptors=4096), "--lines-format", "body", "--lines-history", "0")
        host, port = gateway.lines.split(":")

        async def client(i, gate):
            reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
            greeting = await reader.readline()
            assert b"welcome" in greeting, greeting
            await gate.wait()
            writer.write(b"message %d\n" % i)
            lines = [await reader.readline() for _ in range(count)]
            writer.close()
            return lines

        async def all_of_them():
            gate = asyncio.Barrier(count)
            return await asyncio.gather(*(client(i, gate) for i in range(count)))
        found = asyncio.run(asyncio.wait_for(all_of_them(), 4 * DEADLINE))
        self.assertEqual(sorted(found[0]), sorted(b"message %d\n" % i for i in range(count)))
        self.assertTrue(all(lines == found[0] for lines in found))


class Faults(LinesCase):
    def test_the_longest_line(self):
        gateway = self.lines_gateway(config="limits\n    max-line = 512\n")
        peer = self.come(gateway)
        peer.send("x" * 512 + "\n")
        self.assertRegex(peer.line(), ": x{512}$")
        peer.send("x" * 513 + "\n")
        self.assertEqual(peer.line(), "* not sent: a line may have 512 bytes (limits/max-line); send it in parts")
        peer.send("x" * 100000 + "\nafter it\n")
        self.assertRegex(peer.line(), r"^\* not sent: a line may have 512 bytes")
        self.assertRegex(peer.line(), ": after it$")

    def test_a_line_that_is_not_utf8(self):
        peer = self.come(self.lines_gateway())
        peer.send(b"gr\xfc\xdf\n")
        self.assertIn("not UTF-8", peer.line())

    def test_a_peer_that_does_not_read_is_told_what_it_lost(self):
        broker = self.broker()
        gateway = self.lines_gateway(broker, config="limits\n    reader-queue = 256k\n")
        slow, quick = self.come(gateway, receive=4096), self.come(gateway, "quick")
        text = "y" * 1000
        program = self.zrelay(broker, "--nick", "eve", "pub", "lobby")
        for i in range(20000):
            program.process.stdin.write(f"{i} {text}\n".encode())
            if i % 20 == 19:
                program.process.stdin.flush()
                quick.until(f"^eve: {i} ")
        program.close_stdin()
        self.assertEqual(program.finish(), 0)
        seen, lost = [], 0
        while True:
            line = slow.line()
            if line.startswith("eve: "):
                seen.append(int(line.split()[1]))
            match = re.fullmatch(r"\* (\d+) messages? (?:was|were) lost here: this connection did not read fast enough", line)
            if match:
                lost = int(match[1])
                break
        self.assertEqual(seen, list(range(len(seen))))
        self.assertEqual(len(seen) + lost, 20000)
        quick.send("the end\n")
        self.assertEqual(slow.until("the end"), "quick: the end")

    def test_a_flood_costs_the_others_nothing(self):
        gateway = self.lines_gateway()
        flooder, ann = self.come(gateway, "eve"), self.come(gateway, "ann")
        flooder.socket.setblocking(False)
        ann.send("/join quiet\n")
        ann.until("you are in quiet")
        for i in range(50):
            try:
                while True:
                    flooder.socket.send(b"flood\n" * 10000)
            except BlockingIOError:
                pass
            ann.send(f"word {i}\n")
            self.assertEqual(ann.line(), f"ann: word {i}")

    def test_a_broken_connection_leaves_the_room(self):
        gateway = self.lines_gateway()
        ann = self.come(gateway, "ann")
        bob = self.come(gateway, "bob", seen_by=ann)
        bob.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        bob.close()
        ann.until("bob left")
        self.come(gateway, "bob")  # the nick is free

    def test_the_broker_restarts(self):
        broker = self.broker("--data", self.path("log"))
        gateway = self.lines_gateway(broker)
        ann, bob = self.come(gateway, "ann"), self.come(gateway, "bob")
        ann.send("before\n")
        bob.until("before")
        broker.signal(signal.SIGKILL)
        broker.finish()
        ann.until("the broker is away")
        bob.until("the broker is away")
        ann.send("meanwhile\n")
        self.broker("--listen", broker.server, "--back", broker.back, "--data", self.path("log"))
        self.assertEqual(bob.until("meanwhile"), "ann: meanwhile")
        bob.send("after\n")
        self.assertEqual(ann.until("after"), "bob: after")

    def test_without_a_broker_a_peer_waits(self):
        broker = self.broker()
        gateway = self.lines_gateway(broker)
        broker.signal(signal.SIGKILL)
        broker.finish()
        self.wait_away(gateway)
        peer = Peer(gateway)
        self.addCleanup(peer.close)
        self.assertEqual(peer.line(), "* the broker is away; please wait")
        peer.send("hello\n")
        self.broker("--listen", broker.server, "--back", broker.back)
        peer.until("welcome")
        self.assertRegex(peer.until(": hello"), "^guest-")

    def test_the_gateway_stops(self):
        gateway = self.lines_gateway()
        peer = self.come(gateway)
        gateway.signal(signal.SIGTERM)
        self.assertEqual(peer.rest(), ["* the gateway stops; connect again later"])
        self.assertEqual(gateway.finish(), 0)

    def test_too_many_connections(self):
        gateway = self.lines_gateway(config="limits\n    max-connections = 2\n")
        one, two = self.come(gateway), self.come(gateway)
        three = Peer(gateway)
        self.addCleanup(three.close)
        self.assertEqual(three.line(), "* too many connections; try again later")
        self.assertIsNone(three.line())
        two.send("/quit\n")
        two.rest()
        wait_for(lambda: b"\nzrelay_gateway_text_connections 1\n" in self.get(gateway, "/metrics")[2], "the connection to be gone")
        self.come(gateway)
        self.assertIn(b"\nzrelay_gateway_text_refused_total 1\n", self.get(gateway, "/metrics")[2])

    def test_settings_that_do_not_fit(self):
        for arguments, words in ((("--lines", "*:5581"), "--insecure"), (("--lines", "nowhere"), "ADDRESS:PORT"),
                                 (("--lines-format", "xml"), "nick"), (("--lines-history", "1001"), "1000"),
                                 (("--lines-room", "a b\t"), "is no room")):
            program = Program([GATEWAY, "--http", "127.0.0.1:*", *arguments])
            self.addCleanup(program.end)
            self.assertEqual(program.finish(), 1)
            self.assertIn(words, program.errors())


class Access(LinesCase):
    def test_a_login_decides_what_a_peer_may(self):
        broker, gateway, tokens = self.secured("--lines", "127.0.0.1:*", ann=EVERYTHING)
        peer = self.come(gateway)
        self.assertIn("log in first, with /login USER TOKEN", peer.greeting)
        peer.send("hello\n")
        self.assertEqual(peer.line(), "* not sent: log in first, with /login USER TOKEN")
        peer.send("/login ann wrong\n")
        self.assertRegex(peer.line(), r"^\* not logged in: ")
        self.assertEqual(peer.line(), "* log in first, with /login USER TOKEN")
        self.log_in(peer, "ann", tokens["ann"])
        peer.send("hello\n")
        self.assertEqual(peer.until("hello"), "ann: hello")

    def log_in(self, peer, user, token):
        """After a wrong token the broker takes the next one a little later."""
        def tried():
            peer.send(f"/login {user} {token}\n")
            line = peer.until("not logged in|you are")
            return "you are" in line
        wait_for(tried, "the login")
        peer.until("you are in lobby")

    def test_a_right_that_is_taken(self):
        broker, gateway, tokens = self.secured("--lines", "127.0.0.1:*", ann=EVERYTHING, bob=EVERYTHING + '    allow = "all : *"\n')
        ann, bob = self.come(gateway), self.come(gateway)
        self.log_in(ann, "ann", tokens["ann"])
        self.log_in(bob, "bob", tokens["bob"])
        ann.until("bob joined")
        self.change(broker, "name = bob\n", "name = robert\n")
        bob.until("revoked")
        self.assertIsNone(bob.line())
        ann.until("bob left")

    def test_a_proxy_names_the_peers_address(self):
        gateway = self.lines_gateway(None, "--trusted-proxy", "127.0.0.1")
        host, port = gateway.lines.split(":")
        with socket.create_connection((host, int(port))) as proxy:
            header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton("203.0.113.7") + socket.inet_aton("192.0.2.1")
            proxy.sendall(header + struct.pack(">HH", 4711, 23) + b"hello\n")
            file = proxy.makefile("rb")
            self.assertIn(b"welcome, 203.0.113.7:4711; you are", file.readline())
            self.assertRegex(file.readline(), b": hello\n$")
            proxy.sendall(b"/login ann secret\n")
            self.assertIn(b"tokens are taken only", file.readline())
        peer = self.come(gateway)  # without a header it is the proxy's own
        self.assertIn("welcome, 127.0.0.1:", peer.greeting)


if __name__ == "__main__":
    unittest.main()
