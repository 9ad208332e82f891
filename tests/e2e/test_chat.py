"""zrelay chat at a terminal."""
import os
import re
import signal
import time
import unittest

from chat_case import FAST, ChatCase
from harness import wait_for


class AtATerminal(ChatCase):
    def test_two_people_talk(self):
        self.settings(joins="all")
        broker = self.broker(config=FAST)
        ann = self.chat(broker, "ann")
        bob = self.chat(broker, "bob")
        ann.wait("bob joined$")
        ann.line("hello bob")
        bob.wait(r"\d\d:\d\d ann: hello bob$")
        ann.wait(r"\d\d:\d\d ann: hello bob$")  # what one said stands in the log as well
        bob.line("h\u00e4llo \u2603 ann")
        ann.wait("bob: h\u00e4llo \u2603 ann$")
        bob.line("/quit")
        self.assertEqual(bob.finish(), 0)
        ann.wait(r"bob \(bye\) left$")
        ann.type("\x04")  # Ctrl-D
        self.assertEqual(ann.finish(), 0)
        self.assertTrue(ann.restored() and bob.restored(), "the terminal's modes are not what they were")

    def test_commands(self):
        self.settings(joins="all")
        broker = self.broker(config=FAST)
        ann, bob = self.chat(broker, "ann"), self.chat(broker, "bob")
        ann.wait("bob joined$")
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
        ann.wait("-- garden --")
        ann.wait("anna: in the garden$")
        ann.line("/rooms")
        ann.wait("garden: 1 present, you too$")
        ann.wait("general: 2 present, you too$")
        ann.line("/rooms ga")
        ann.line("/rooms nothing")
        ann.wait("there are no such rooms$")
        ann.line("/join general")  # switches back
        ann.line("in general again")
        bob.wait("anna: in general again$")
        self.assertNotIn("in the garden", bob.text())
        ann.line("/part garden")
        ann.wait("you left garden")
        ann.line("/part")
        ann.wait("you left general")
        bob.wait(r"anna left$")
        ann.line("to whom?")
        ann.wait("no room to send to")
        ann.line("/who")
        ann.wait("you are in no room")
        for command in ("/join", "/msg", "/msg bob", "/nick", "/join a b", "/quit now"):
            ann.line(command)
            ann.wait(rf"\* usage: {command.split()[0]}\b")
        ann.line("/nosuch")
        ann.wait("there is no /nosuch; /help lists the commands")
        ann.line("/serch x")
        ann.wait("there is no /serch; did you mean /search\\?$")
        ann.line("/w")
        ann.wait("there is no /w; did you mean /who, /whois\\?$")
        ann.line("/join ro*om")
        ann.wait("a room name is 1 to 128")
        ann.line("/help all")
        for command in ("join", "part", "msg", "query", "me", "who", "whois", "nick", "away", "rooms", "topic", "history", "search", "ignore", "set", "help", "quit"):
            ann.wait(rf"\* /{command} ")
        ann.line("/quit")
        self.assertEqual(ann.finish(), 0)

    def test_people_show_what_they_do(self):
        self.settings(joins="all")
        broker = self.broker(config=FAST)
        ann, bob = self.chat(broker, "ann"), self.chat(broker, "bob")
        ann.wait("bob joined$")
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
        bob.wait(r"\* usage: /back$")
        carol = self.chat(broker, "carol")
        ann.wait("carol joined$")
        ann.line("/ignore bob")
        ann.wait("bob is ignored")
        bob.line("/away hidden")
        carol.wait("bob is away: hidden$")
        carol.line("seen")
        ann.wait("carol: seen$")
        self.assertNotIn("hidden", ann.text())

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
        ann.wait(r"\d n\w+: second$")  # the last one named is in view
        ann.wait(r"two \[one 1\]> ")
        ann.line("to the last one named")
        ann.wait(r"\d ann: to the last one named$")
        self.assertNotIn(": first", ann.text())
        ann.type("\x1bn")
        ann.wait(r"-- one --\n+\d\d:\d\d n\w+: first$")

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

    def test_a_new_connection_when_the_user_wants_it(self):
        broker = self.broker(config=FAST)
        ann = self.chat(broker, "ann")
        ann.line("/reconnect")
        ann.wait("connecting again$")
        ann.wait("back; nothing was missed$")
        broker.signal(signal.SIGKILL)
        broker.finish()
        ann.wait("lost the broker")
        again = self.broker("--listen", broker.server, "--back", broker.back, config=FAST)
        ann.line("/reconnect")
        ann.wait("another log")
        self.wait_members(again, "general", 1)
        ann.line("here again")
        ann.wait("ann: here again$")

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
        self.settings(bell="never")
        broker = self.broker(config=FAST)
        ann = self.chat(broker, "ann", size=(24, 200), NO_COLOR="")
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
        with_colours, without = self.chat(broker, "ann", NO_COLOR=""), self.chat(broker, "bob", COLORTERM="truecolor")
        even = self.chat(broker, "cat", NO_COLOR="", COLORTERM="truecolor")
        self.say(broker, "general", b"colourful?", nick="eve")
        for terminal in (with_colours, without, even):
            terminal.wait("eve: colourful")
        self.assertRegex(bytes(even.shown), rb"\x1b\[38;2;\d+;\d+;\d+meve\x1b\[0m")
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
        ann = self.chat(broker, "ann", size=(5, 12), live=False)
        ann.wait("you are in")
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


if __name__ == "__main__":
    unittest.main()
