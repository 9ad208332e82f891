"""zrelay chat, at a terminal and as a filter."""
import fcntl
import json
import os
import pty
import re
import secrets
import signal
import struct
import subprocess
import termios
import threading
import time
import unittest

import zmq

from harness import DEADLINE, ZRELAY, Program, TestCase, publish_frame, wait_for

FAST = "server\n    heartbeat = 1000\n    tick = 20\n"
MOVES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]")


class Terminal:
    """A program on a terminal of its own. `shown` is everything it ever wrote, `text()` the same without cursor movements and colours."""

    def __init__(self, command, environment, size=(24, 80)):
        self.ours, self.theirs = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(command, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, env=environment,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.shown = bytearray()
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def _collect(self):
        while True:
            try:
                data = os.read(self.ours, 65536)
            except OSError:
                return
            if not data:
                return
            self.shown += data

    def resize(self, rows, columns):
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.ours, text if isinstance(text, bytes) else text.encode())

    def line(self, text):
        self.type(text + "\r")

    def text(self):
        return MOVES.sub(b"", bytes(self.shown)).replace(b"\r", b"\n").decode(errors="replace")

    def wait(self, pattern, after=0):
        """Waits until what is shown beyond `after` matches; returns the match."""
        def look():
            found = re.compile(pattern, re.M).search(self.text(), after)
            if not found and self.process.poll() is not None:
                found = re.compile(pattern, re.M).search(self.text(), after)
                if not found:
                    raise AssertionError(f"ended with {self.process.returncode} before {pattern!r} was shown: {self.text()[-2000:]!r}")
            return found
        try:
            return wait_for(look, f"{pattern!r} to be shown")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()[-3000:]!r}") from None

    def finish(self):
        return self.process.wait(DEADLINE)

    def restored(self):
        return termios.tcgetattr(self.theirs) == self.before

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.theirs)
        self.thread.join(DEADLINE)
        os.close(self.ours)


class ChatCase(TestCase):
    def chat(self, broker, nick, *rooms, size=(24, 80), live=True, **environment):
        """Somebody at a terminal, there and listening."""
        terminal = Terminal([ZRELAY, "-s", broker.server, "--nick", nick, "chat", *rooms],
                            {**self.environment, "TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TZ": "UTC", **environment}, size)
        self.addCleanup(terminal.end)
        if live:
            for room in rooms or ("general",):
                terminal.wait(rf"you are in {room}, ")
        return terminal

    def say(self, broker, room, *bodies, nick=None):
        """Somebody without a terminal."""
        peer = self.peer(broker, nick or "n" + secrets.token_hex(4))
        peer.send(publish_frame(room, *enumerate(bodies, 1)))
        self.assertEqual(peer.receive()[:1], b"\x02")
        return peer


class AtATerminal(ChatCase):
    def test_two_people_talk(self):
        broker = self.broker(config=FAST)
        ann = self.chat(broker, "ann")
        bob = self.chat(broker, "bob")
        ann.wait("bob joined general")
        ann.line("hello bob")
        bob.wait(r"\d\d:\d\d ann: hello bob$")
        ann.wait(r"\d\d:\d\d ann: hello bob$")  # what one said stands in the log as well
        bob.line("h\u00e4llo \u2603 ann")
        ann.wait("bob: h\u00e4llo \u2603 ann$")
        bob.line("/quit")
        self.assertEqual(bob.finish(), 0)
        ann.wait(r"bob left general \(bye\)")
        ann.type("\x04")  # Ctrl-D
        self.assertEqual(ann.finish(), 0)
        self.assertTrue(ann.restored() and bob.restored(), "the terminal's modes are not what they were")

    def test_commands(self):
        broker = self.broker(config=FAST)
        ann, bob = self.chat(broker, "ann"), self.chat(broker, "bob")
        ann.wait("bob joined general")
        ann.line("/who")
        ann.wait("here: ann, bob$")
        ann.line("/msg bob psst, listen")
        bob.wait(r"\*ann\* psst, listen$")
        ann.wait(r"-> bob: psst, listen$")
        ann.line("/msg nobody hello")
        ann.wait(r'there is no user "nobody" here; not told: hello$')
        self.assertNotIn("no-such-user", ann.text())
        self.assertNotIn("-> nobody", ann.text())
        ann.line("/nick anna")
        ann.wait("you are now anna")
        bob.wait("ann is now anna$")
        self.assertNotIn("renamed", bob.text())
        ann.line("/nick bob")
        ann.wait("nick-in-use")
        ann.line("/nick a\u00a0b")
        ann.wait("a nick is 1 to 32 bytes")
        ann.line("/join garden")
        ann.wait("you are in garden, ")
        ann.line("in the garden")
        ann.wait(r"\[garden\] anna: in the garden$")
        ann.line("/rooms")
        ann.wait("garden: 1 present")
        ann.wait("general: 2 present")
        ann.line("/rooms ga")
        ann.line("/join general")  # switches back
        ann.line("in general again")
        bob.wait("anna: in general again$")
        self.assertNotIn("in the garden", bob.text())
        ann.line("/part garden")
        ann.wait("you left garden")
        ann.line("/part")
        ann.wait("you left general")
        bob.wait(r"anna left general$")
        ann.line("to whom?")
        ann.wait("no room to send to")
        ann.line("/who")
        ann.wait("you are in no room")
        for command in ("/join", "/msg", "/msg bob", "/nick", "/join a b", "/quit now"):
            ann.line(command)
            ann.wait(rf"(?s)\* {command.split()[0]}: .*{command.split()[0]} ")
        ann.line("/nosuch")
        ann.wait("/nosuch: no such command; there is /help")
        ann.line("/join ro*om")
        ann.wait("a room name is 1 to 128")
        ann.line("/help")
        for command in ("join", "part", "msg", "who", "nick", "away", "back", "status", "rooms", "help", "quit"):
            ann.wait(rf"\* /{command} ")
        ann.line("/quit")
        self.assertEqual(ann.finish(), 0)

    def test_people_show_what_they_do(self):
        broker = self.broker(config=FAST)
        ann, bob = self.chat(broker, "ann"), self.chat(broker, "bob")
        ann.wait("bob joined general")
        bob.line("/status reading")
        bob.wait(r"you are shown as \(reading\)$")
        ann.wait(r"\* bob: reading$")
        bob.line("/away at lunch")
        ann.wait(r"\* bob is away: at lunch$")
        ann.line("/who")
        ann.wait(r"here: ann, bob \(away: at lunch\)$")
        bob.line("/back")
        ann.wait(r"\* bob is back: reading$")
        bob.line("/status")
        bob.wait("you show no status$")
        ann.wait("bob shows no status any more$")
        bob.line("/away " + "x" * 1100)
        bob.wait("not shown: the text is too long")
        bob.line("/away")
        ann.wait(r"\* bob is away$")
        bob.line("/back now")
        bob.wait(r"\* /back: ")

    def test_text_that_begins_with_a_slash(self):
        broker = self.broker()
        ann = self.chat(broker, "ann")
        ann.line("//quit is a word")
        ann.wait("ann: /quit is a word$")

    def test_nick_that_is_taken(self):
        broker = self.broker()
        self.peer(broker, "ann")
        self.peer(broker, "ann_")
        self.chat(broker, "ann").wait("you are ann__;")

    def test_a_nick_that_becomes_free(self):
        broker = self.broker()
        owner = self.peer(broker, "ann")
        ann = self.chat(broker, "ann")
        ann.wait("ann is in use; you get it when it is free")
        owner.ask(op="bye")
        ann.wait("you are now ann$")
        ann.line("here again")
        ann.wait("ann: here again$")

    def test_a_nick_that_somebody_took_meanwhile(self):
        """The chat slept for longer than its session lived."""
        broker = self.broker(config=FAST)
        ann = self.chat(broker, "ann")
        ann.process.send_signal(signal.SIGSTOP)
        thief = self.peer(broker, "zoe")
        wait_for(lambda: thief.ask(op="hello", proto=1, client=thief.client, nick="ann")["op"] == "welcome", "the nick to be free")
        ann.process.send_signal(signal.SIGCONT)
        ann.wait("connected again; you are ann_, as ann is in use, until it is free")
        thief.ask(op="bye")
        ann.wait("you are now ann$")
        ann.line("/nick eve")  # another choice is no wish for the first
        ann.wait("you are now eve$")

    def test_a_nick_whose_owner_died(self):
        """It is that of a session until three heartbeats are over."""
        broker = self.broker(config=FAST)
        dead = self.chat(broker, "ann")
        dead.process.kill()
        ann = self.chat(broker, "ann")
        ann.wait("you are ann_;")
        ann.wait("you are now ann$")

    def test_history_on_joining(self):
        broker = self.broker()
        self.say(broker, "general", *(b"message %d." % number for number in range(1, 31)), nick="writer")
        ann = self.chat(broker, "ann")
        ann.wait(r"writer: message 30\.$")
        said = re.findall(r"message (\d+)\.", ann.text())
        self.assertEqual(said, [str(number) for number in range(31 - len(said), 31)])
        self.assertIn(len(said), range(10, 31))

    def test_several_rooms_and_a_greeting(self):
        broker = self.broker(config="server\n    greeting = Be kind.\n")
        ann = self.chat(broker, "ann", "one", "two")
        ann.wait(r"\* Be kind\.$")
        self.say(broker, "one", b"first")
        self.say(broker, "two", b"second")
        ann.wait(r"\[one\] n\w+: first$")
        ann.wait(r"\[two\] n\w+: second$")
        ann.line("to the last one named")
        ann.wait(r"\[two\] ann: to the last one named$")

    def test_what_is_being_typed_survives_what_comes(self):
        broker = self.broker()
        ann = self.chat(broker, "ann")
        ann.type("half a ")
        ann.wait("half a ")
        self.say(broker, "general", b"an interruption")
        ann.wait("an interruption$")
        ann.type("sentence\x1b[D\x1b[D\x7fN\r")  # moves two to the left, deletes, inserts
        ann.wait("ann: half a senteNce$")

    def test_many_lines_at_once(self):
        broker = self.broker()
        ann = self.chat(broker, "ann")
        for number in range(40):
            ann.line(f"pasted {number:02}.")
        reader = self.run_zrelay(broker, "sub", "general", "--all", "--count", "40")
        self.assertEqual(reader.lines(), [b"pasted %02d." % number for number in range(40)])
        ann.line("/quit")
        self.assertEqual(ann.finish(), 0)

    def test_what_was_typed_last_is_sent_before_the_end(self):
        broker = self.broker()
        ann = self.chat(broker, "ann")
        ann.type("last words\r\x04")
        self.assertEqual(ann.finish(), 0)
        self.assertEqual(self.run_zrelay(broker, "history", "general").lines(), [b"last words"])

    def test_restart_of_the_broker_is_told(self):
        broker = self.broker(config=FAST)
        ann = self.chat(broker, "ann")
        ann.line("before")
        ann.wait("ann: before$")
        again = self.restart(broker, config=FAST)
        ann.wait("lost the broker")
        ann.wait("another log")
        self.wait_members(again, "general", 1)
        ann.line("after")
        ann.wait("ann: after$")
        self.say(again, "general", b"are you there?")
        ann.wait("are you there")

    def test_messages_typed_without_a_broker_are_sent_later(self):
        broker = self.broker(config=FAST)
        ann = self.chat(broker, "ann")
        broker.signal(signal.SIGKILL)
        broker.finish()
        ann.line("into the void")
        ann.wait("not sent yet: into the void")
        again = self.broker("--listen", broker.server, "--back", broker.back, config=FAST)
        reader = self.run_zrelay(again, "sub", "general", "--all", "--count", "1")
        self.assertEqual(reader.lines(), [b"into the void"])

    def test_escapes_of_a_peer_are_shown_escaped(self):
        broker = self.broker(config=FAST)
        ann = self.chat(broker, "ann", NO_COLOR="")
        hostile = "\x1b]0;mine\x07\x1b[2J\x1b[31m\x9b2J\u202ereversed\r\x08\tend of it"
        eve = self.say(broker, "general", hostile.encode() + b"\xff", nick="eve")
        ann.wait(r"eve: \\x1b\]0;mine\\x07\\x1b\[2J\\x1b\[31m\\u\{009b\}2J\\u\{202e\}reversed\\x0d\\x08\tend of it\\xff$")
        self.assertEqual(eve.ask(op="direct", to="ann", text=hostile)["op"], "ok")
        ann.wait(r"\*eve\* \\x1b\]0;mine")
        self.assertEqual(eve.ask(op="publish", room="general", text=hostile, key="key")["op"], "ack")
        ann.wait(r"eve set key: \\x1b\]0;mine")
        for bad in (b"\x1b]", b"\x07", b"\x1b[2J", b"\xc2\x9b", "\u202e".encode(), b"\xff", b"\x1b[31mrev"):
            self.assertNotIn(bad, bytes(ann.shown))

    def test_colours_only_when_wanted(self):
        broker = self.broker()
        with_colours, without = self.chat(broker, "ann", NO_COLOR=""), self.chat(broker, "bob")
        self.say(broker, "general", b"colourful?", nick="eve")
        for terminal in (with_colours, without):
            terminal.wait("eve: colourful")
        self.assertRegex(bytes(with_colours.shown), rb"\x1b\[3\dmeve\x1b\[0?m")
        self.assertNotRegex(bytes(without.shown), rb"\x1b\[3\d")

    def test_the_terminal_is_given_back_on_every_way_out(self):
        broker = self.broker(config=FAST)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            ann = self.chat(broker, f"ann-{number}")
            wait_for(lambda: not ann.restored(), "the terminal to be taken")
            ann.process.send_signal(number)
            self.assertEqual(ann.finish(), 0, ann.text())
            self.assertTrue(ann.restored(), number)
        ann = self.chat(broker, "ann")
        ann.process.send_signal(signal.SIGABRT)
        self.assertEqual(ann.finish(), -signal.SIGABRT)
        self.assertTrue(ann.restored(), "after a crash")
        # The interrupt from the keyboard.
        ann = self.chat(broker, "anna")
        ann.type("\x03")
        self.assertEqual(ann.finish(), 0)
        self.assertTrue(ann.restored())

    def test_ctrl_c_clears_the_line_first(self):
        broker = self.broker()
        ann = self.chat(broker, "ann")
        ann.type("half a line\x03and a whole one\r")
        ann.wait("ann: and a whole one$")
        ann.type("\x12whole\x03the search is over\r")  # Ctrl-R
        ann.wait("ann: the search is over$")
        self.paste(ann, "pasted\nlines")
        ann.type("\x03\x03")
        self.assertEqual(ann.finish(), 0)
        self.assertTrue(ann.restored())
        self.assertEqual(self.bodies(broker), [b"and a whole one", b"the search is over"])

    def paste(self, terminal, text):
        """As a terminal does it that was asked to mark pastes."""
        wait_for(lambda: b"\x1b[?2004h" in terminal.shown, "marks to be asked for")
        terminal.type("\x1b[200~" + text.replace("\n", "\r") + "\x1b[201~")

    def bodies(self, broker, room="general"):
        """The messages of the room, whole."""
        lines = self.run_zrelay(broker, "--json", "history", room).lines()
        return [json.loads(line)["body"].encode() for line in lines]

    def test_pastes_are_text_whatever_they_hold(self):
        broker = self.broker()
        ann, bob = self.chat(broker, "ann"), self.chat(broker, "bob")
        texts = ["/quit", "/quit\n\n\t/part\n  last", "one\n\n\n\ttwo \u2603", "//both", "\n/quit"]
        for text in texts:
            self.paste(ann, text)
            ann.type("\r")
        ann.line("done")
        bob.wait("ann: done$")
        self.assertEqual(self.bodies(broker), [text.encode() for text in texts] + [b"done"])
        # The lines of a message are shown as such, and cannot pass for messages of others.
        bob.wait(r"ann: one\n\s*\n\s*\n +\ttwo \u2603$")
        # A command may be given a paste, and a line may be made of several.
        ann.type("/msg bob ")
        self.paste(ann, "a\nb\n")
        self.paste(ann, "c")
        ann.type("\r")
        bob.wait(r"\*ann\* a\n+ +bc$")
        # What was recalled from the history is what it was.
        self.paste(ann, "/quit")
        ann.type("\r")
        ann.type("\x1b[A\r")
        ann.line("the end")
        bob.wait("ann: the end$")
        self.assertEqual(self.bodies(broker)[-3:], [b"/quit", b"/quit", b"the end"])
        ann.line("/quit")
        self.assertEqual(ann.finish(), 0)
        self.assertIn(b"\x1b[?2004l", ann.shown)

    def test_a_paste_of_many_lines_is_shown_and_wiped(self):
        broker = self.broker()
        ann = self.chat(broker, "ann", size=(10, 40))
        self.paste(ann, "".join(f"line {number}\n" for number in range(100)))
        ann.type("\r")
        ann.wait("line 99$")
        self.assertEqual(self.bodies(broker), ["\n".join(f"line {number}" for number in range(100)).encode()])

    def test_large_pastes_take_no_time(self):
        broker = self.broker()
        ann = self.chat(broker, "ann")

        def spent():
            with open(f"/proc/{ann.process.pid}/stat") as file:
                return sum(int(field) for field in file.read().rsplit(")", 1)[1].split()[11:13])
        text, before = "0123456789 abcdefghi" * 1000, spent()
        self.paste(ann, text)
        ann.type("\r")
        wait_for(lambda: self.bodies(broker) == [text.encode()], "the paste to be sent")
        ann.type(text + "\r")  # by a terminal that does not mark it
        wait_for(lambda: self.bodies(broker) == [text.encode()] * 2, "the text to be sent")
        self.assertLess(spent() - before, os.sysconf("SC_CLK_TCK"))
        self.paste(ann, "x" * (1 << 20) + "y")
        ann.wait("left out: a line has at most 1048576 bytes")
        ann.line("small")
        ann.wait("ann: small$")

    def test_keys_that_mean_nothing_type_nothing(self):
        broker = self.broker()
        ann = self.chat(broker, "ann")
        ann.type("a")
        for key in ("\x1b[5~", "\x1b[6~", "\x1b[15~", "\x1bOP", "\x1b[2~", "\x1b[1;2A", "\x1b[1;5A", "\x1b[I", "\x1b[Z", "\x1b[24;5~", "\x00"):
            ann.type(key)
        ann.type("b two three\x1b[1;5D\x1b[1;5Dx\x1b[Hy\x1b[F.\x1b[1~\x1b[3~z\r")
        ann.wait("ann: zab xtwo three.$")
        ann.type("\x1b[3~")  # Delete on an empty line is no end
        ann.line("still here")
        ann.wait("ann: still here$")
        self.assertEqual(self.bodies(broker), [b"zab xtwo three.", b"still here"])

    def test_ended_in_the_middle_of_a_key(self):
        broker = self.broker(config=FAST)
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                ann = self.chat(broker, "ann")
                ann.line("ready")
                ann.wait("ann: ready$")
                ann.type("\x1b")  # of a key such as an arrow more would follow
                time.sleep(0.3)
                ann.process.send_signal(number)
                self.assertEqual(ann.process.wait(10), 0)
                self.assertTrue(ann.restored())

    def test_refused_before_it_begins(self):
        broker = self.broker(config="limits\n    max-sessions = 1\n")
        self.peer(broker)
        ann = self.chat(broker, "ann", live=False)
        self.assertIn(ann.finish(), (2, 3))
        self.assertTrue(ann.restored())

    def test_resizing_and_narrow_terminals(self):
        broker = self.broker()
        ann = self.chat(broker, "ann", size=(5, 12))
        ann.type("a line that is longer than the terminal is wide ")
        for columns in (7, 40, 200, 2, 80):
            ann.resize(24, columns)
            ann.process.send_signal(signal.SIGWINCH)
            self.say(broker, "general", b"at %d columns." % columns)
            wait_for(lambda: f"at{columns}columns." in re.sub(r"\s", "", ann.text()), "the message to be shown")
        ann.line("and sent")
        wait_for(lambda: self.run_zrelay(broker, "history", "general", "--last", "1").lines() ==
                 [b"a line that is longer than the terminal is wide and sent"], "the line to be sent")

    def test_suspended_and_continued(self):
        broker = self.broker()
        ann = self.chat(broker, "ann")
        ann.process.send_signal(signal.SIGTSTP)

        def state():
            with open(f"/proc/{ann.process.pid}/stat") as file:
                return file.read().rsplit(")", 1)[1].split()[0]
        wait_for(lambda: state() == "T", "it to stop")
        self.assertTrue(ann.restored(), "a shell would get the terminal like that")
        wait_for(lambda: ann.shown.rfind(b"\x1b[?2004l") > ann.shown.rfind(b"\x1b[?2004h"), "pastes to be marked no more")
        ann.process.send_signal(signal.SIGCONT)
        ann.line("back again")
        ann.wait("ann: back again$")


class Dates(ChatCase):
    """A broker made by hand, whose messages are old."""
    DAY = 86400
    EPOCH = 0xaa

    def start(self, *times):
        """A broker with one message for each time; returns its endpoint."""
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, linger=0)
        self.front, self.back = self.context.socket(zmq.ROUTER), self.context.socket(zmq.XPUB)
        ends = [f"tcp://127.0.0.1:{one.bind_to_random_port('tcp://127.0.0.1')}" for one in (self.front, self.back)]
        self.times, self.stop = times, False
        thread = threading.Thread(target=self.serve, args=(ends[1],))
        thread.start()

        def end():
            self.stop = True
            thread.join()
        self.addCleanup(end)
        return ends[0]

    def entries(self):
        return b"".join(struct.pack(">QQBB", seq, int(at) * 1000000, 0, 3) + b"ann\0" + struct.pack(">I", 3) + b"m%02d" % seq
                        for seq, at in enumerate(self.times, 1))

    def answer(self, request, back):
        count = len(self.times)
        return {"hello": dict(op="welcome", proto=1, epoch=f"{self.EPOCH:016x}", nick="me", resume="0" * 32, resumed=False, back=back,
                              heartbeat=1000, level="memory", time=1, server="by hand", limits={}),
                "join": dict(op="joined", room="general", seq=count, oldest=0, version=0, count=1),
                "replay": dict(op="replayed", room="general", seq=count, count=count, complete=True, more=False),
                "who": dict(op="who", room="general", version=0, users=[], count=1, silent=0, more=False),
                "ping": dict(op="pong", time=1, heads={}, versions={})}.get(request["op"], dict(op="ok"))

    def serve(self, back):
        poller = zmq.Poller()
        poller.register(self.front, zmq.POLLIN)
        poller.register(self.back, zmq.POLLIN)
        while not self.stop:
            ready = dict(poller.poll(50))
            if self.back in ready and (topic := self.back.recv())[:2] == b"\x01\xff":
                self.back.send(topic[1:] + json.dumps({"op": "synced", "epoch": f"{self.EPOCH:016x}"}).encode())
            if self.front not in ready:
                continue
            route, frame = self.front.recv_multipart()
            request = json.loads(frame)
            if request["op"] == "replay":
                self.front.send_multipart([route, b"general\0" + struct.pack(">BBQQ", 1, 1, self.EPOCH, 0) + self.entries()])
            self.front.send_multipart([route, json.dumps({**self.answer(request, back), "re": request.get("id")}).encode()])

    def date(self, at, form="%Y-%m-%d"):
        return time.strftime(form, time.gmtime(at))

    def test_the_date_is_told_when_it_changes(self):
        noon = time.time() // self.DAY * self.DAY + 1
        times = noon - 400 * self.DAY, noon - 400 * self.DAY + 60, noon - self.DAY, noon, noon + 1
        terminal = Terminal([ZRELAY, "-s", self.start(*times), "chat"], {**self.environment, "TERM": "xterm", "NO_COLOR": "1", "TZ": "UTC"})
        self.addCleanup(terminal.end)
        terminal.wait("ann: m05$")
        shown = re.findall(r"^(?:\* \w+day, [-\d]+|[-:\d ]+ ann: m\d+)$", terminal.text(), re.M)
        wanted = []
        for number, at in enumerate(times, 1):
            wanted += [self.date(at, "* %A, %Y-%m-%d")] if number in (1, 3, 4) else []
            wanted += [self.date(at, "%H:%M ann: m0") + str(number)]
        self.assertEqual(shown, wanted)

    def test_lines_of_a_filter_have_dates_of_their_own(self):
        now = time.time()
        program = Program([ZRELAY, "-s", self.start(now - 3 * self.DAY, now), "chat"], env={**self.environment, "TZ": "UTC"})
        self.addCleanup(program.end)
        program.wait_out("ann: m02$")
        self.assertEqual(program.text().splitlines(), [self.date(now - 3 * self.DAY, "%Y-%m-%d %H:%M ann: m01"), self.date(now, "%H:%M ann: m02")])


class AsAFilter(ChatCase):
    def test_lines_in_and_out(self):
        broker = self.broker(config=FAST)
        listener = self.zrelay(broker, "--nick", "listener", "chat", "room")
        self.wait_members(broker, "room", 1)
        said = self.run_zrelay(broker, "--nick", "ann", "chat", "room", stdin="one\n/quit\n\n\u2603 three".encode())
        lines = [r"\d\d:\d\d ann: one", r"\d\d:\d\d ann: /quit", r"\d\d:\d\d ann: \u2603 three"]
        self.assertRegex(said.text(), r"\A" + r"\n".join(lines) + r"\n\Z")  # its own come back before it ends
        self.assertEqual(said.errors(), "")
        listener.wait_out("three$")
        listener.close_stdin()
        self.assertEqual(listener.finish(), 0, listener.errors())
        self.assertEqual(listener.text(), said.text())

    def test_escapes_in_a_pipe_are_escaped_too(self):
        """Lines with names and times are made for people, wherever they are read."""
        broker = self.broker()
        self.say(broker, "room", b"\x1b[2Jcleared", nick="eve")
        listener = self.zrelay(broker, "chat", "room")
        listener.wait_out(r"eve: \\x1b\[2Jcleared$")

    def test_interrupt(self):
        broker = self.broker()
        listener = self.zrelay(broker, "chat", "room")
        self.wait_members(broker, "room", 1)
        listener.signal(signal.SIGINT)
        self.assertEqual(listener.finish(), 0)

    def test_no_broker(self):
        program = self.run_zrelay("tcp://127.0.0.1:1", "--connect-timeout", "0.1", "chat", code=2)
        self.assertRegex(program.errors(), r"\Azrelay: [^\n]+\n\Z")

    def test_bad_room(self):
        for room in ("a b", "a*", ""):
            program = self.run_zrelay("tcp://127.0.0.1:1", "chat", room, code=1)
            self.assertRegex(program.errors(), r"\Azrelay: [^\n]+\n\Z")

    def test_refused_room(self):
        broker = self.broker(config="limits\n    max-rooms = 1\n")
        self.say(broker, "one", b"x")
        program = self.run_zrelay(broker, "chat", "two", stdin=b"text\n", code=3)
        self.assertIn("too-many-rooms", program.errors())


if __name__ == "__main__":
    unittest.main()
