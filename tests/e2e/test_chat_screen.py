"""zrelay chat: what stands on the screen, in a model of a terminal."""
import os
import re
import signal
import subprocess
import time
import unittest

from chat_case import FAST, ChatCase
from harness import ZRELAY, wait_for


class Screens(ChatCase):
    def greeting(self, nick="ann", room="general", count=1):
        return [f"* you are {nick}; /help tells what can be done", f"* you are in {room}, {count} here"]

    def test_the_line_stays_below_what_comes(self):
        broker = self.broker()
        for size, term in (((24, 80), "xterm-256color"), ((60, 200), "tmux-256color"), ((24, 80), "linux")):
            with self.subTest(term):
                room = f"room-{term}"
                ann = self.talk(broker, f"ann-{term}", room, size=size, TERM=term, NO_COLOR="")
                ann.type("a h\u00e4lf \u6f22 line\x1b[D\x1b[D")
                greeting = self.greeting(f"ann-{term}", room)
                ann.wait_rows(*greeting, f"{room}> a h\u00e4lf \u6f22 line")
                self.say(broker, room, b"one", b"two", nick=f"bob-{term}")
                ann.wait_rows(*greeting, f"12:34 bob-{term}: one", f"12:34 bob-{term}: two", f"{room}> a h\u00e4lf \u6f22 line")
                width = len(f"{room}> a h\u00e4lf xx line")
                self.assertEqual(ann.cursor(), (4, width - 2))
                ann.type("X\r")
                ann.wait_rows(f"12:34 ann-{term}: a h\u00e4lf \u6f22 liXne", f"{room}>")
                ann.line("/quit")
                self.assertEqual(ann.finish(), 0)

    def test_words_wrap_under_the_text_and_links_stay_whole(self):
        broker = self.broker()
        ann = self.talk(broker, size=(24, 40))
        link = "https://example.org/a/very/long/link/that/goes/on"
        self.say(broker, "general", b"the quick brown fox jumps over the lazy dog", f"see {link} there".encode(), nick="bob")
        ann.wait_rows("12:34 bob: the quick brown fox jumps", "           over the lazy dog", "12:34 bob: see",
                      "           " + link[:29], link[29:] + " there", "general>")

    def test_a_long_line_being_typed(self):
        broker = self.broker()
        ann = self.talk(broker, size=(10, 20), live=False)
        ann.wait_rows("  general, 1 here", "general>")
        ann.type("0123456789" * 3)
        ann.wait_rows("general> 0123456789", "0123456789012345678", "9")
        self.say(broker, "general", b"hi", nick="bob")
        ann.wait_rows("12:34 bob: hi", "general> 0123456789", "0123456789012345678", "9")
        ann.type("\x15short")
        ann.wait_rows("12:34 bob: hi", "general> short")

    def test_resized_while_typing(self):
        """Linux's console cuts rows off; other terminals wrap them anew, which tmux shows below."""
        broker = self.broker()
        ann = self.talk(broker, size=(24, 60), TERM="linux")
        ann.type("thirty letters are in this line")
        ann.wait_rows(*self.greeting(), "general> thirty letters are in this line")
        ann.resize(24, 30)
        ann.process.send_signal(signal.SIGWINCH)
        ann.wait_rows("general> thirty letters are i", "n this line")
        self.say(broker, "general", b"hi", nick="bob")
        ann.wait_rows("12:34 bob: hi", "general> thirty letters are i", "n this line")
        ann.resize(24, 80)
        ann.process.send_signal(signal.SIGWINCH)
        ann.wait_rows("12:34 bob: hi", "general> thirty letters are in this line")

    def test_resized_in_tmux(self):
        broker = self.broker()
        socket = os.path.join(self.folder, "tmux")
        environment = {**self.environment, "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TERM": "xterm-256color"}

        def tmux(*command):
            return subprocess.run(["tmux", "-S", socket, "-f", "/dev/null", *command], env=environment, check=True,
                                  capture_output=True, text=True).stdout
        tmux("new-session", "-d", "-x", "60", "-y", "20", f"{ZRELAY} -s {broker.server} --nick ann chat")
        self.addCleanup(tmux, "kill-server")

        def shows(*rows):
            wait_for(lambda: tmux("capture-pane", "-p").rstrip("\n").split("\n")[-len(rows):] == list(rows), f"{rows} to be shown")
        shows("* you are in general, 1 here", "general>")
        tmux("send-keys", "-l", "thirty letters are in this line")
        shows("* you are in general, 1 here", "general> thirty letters are in this line")
        for columns, rows in ((30, ("general> thirty letters are i", "n this line")), (60, ("general> thirty letters are in this line",))):
            tmux("resize-window", "-x", str(columns))
            shows("* you are in general, 1 here", *rows)

    def test_tab_completes(self):
        broker = self.broker()
        ann = self.talk(broker, "ann", "garden", "general")
        self.peer(broker, "bea").ask(op="join", room="general")
        self.say(broker, "general", b"hi", nick="bob")
        ann.wait_rows("12:34 bob: hi", "general>")
        ann.type("b\t")
        ann.wait_rows("general> bob:")  # spoke last
        ann.type("\x15/jo\tga\t\r")
        ann.wait_rows("-- garden --", "garden>")
        ann.type("/se\t\tjo\tal\t\r")
        ann.type("/set\r")
        ann.wait(r"joins = all \(")

    def test_unread_rooms_and_mentions(self):
        self.settings(bell="mentions")
        broker = self.broker()
        ann = self.talk(broker, "ann", "one", "two")
        self.say(broker, "one", b"hello", b"Ann, are you there?", nick="bob")
        ann.wait_rows("two [one 2 (1 for you)]>")
        self.assertIn(b"\x07", ann.shown)
        ann.type("\x1bp")
        ann.wait_rows("-- one --", "12:34 bob: hello", "12:34 bob: Ann, are you there?", "one>")
        ann.type("\x1bn")
        ann.wait_rows("-- two --", "two>")
        self.say(broker, "one", b"again", nick="eve")
        ann.wait_rows("two [one 1]>")
        ann.line("/join one")
        ann.wait_rows("-- one --", "-- new messages --", "12:34 eve: again", "one>")
        self.say(broker, "two", b"not read", nick="zoe")
        ann.wait_rows("one [two 1]>")
        ann.line("/quit")
        self.assertEqual(ann.finish(), 0)
        self.assertEqual(ann.rows()[-1], "12:34 eve: again")

    def test_the_next_chat_shows_what_is_new(self):
        broker = self.broker()
        self.say(broker, "general", b"old", nick="bob")
        ann = self.talk(broker)
        ann.wait_rows("12:34 bob: old", "general>")
        ann.line("/quit")
        self.assertEqual(ann.finish(), 0)
        self.say(broker, "general", b"newer", nick="eve")
        ann = self.talk(broker)
        ann.wait_rows("12:34 bob: old", "-- new messages --", "12:34 eve: newer", "general>")

    def test_older_messages(self):
        broker = self.broker()
        self.say(broker, "general", *(b"m%d" % number for number in range(1, 51)), nick="bob")
        ann = self.talk(broker, size=(60, 80))
        ann.wait_rows("12:34 bob: m50", "general>")
        ann.type("\x1b[5~")
        ann.wait_rows("-- 20 older in general --", *(f"12:34 bob: m{number}" for number in range(11, 31)), "-- end of history --", "general>")
        ann.type("\x1b[5~")
        ann.wait_rows("-- 10 older in general --", *(f"12:34 bob: m{number}" for number in range(1, 11)), "-- end of history --", "general>")
        ann.type("\x1b[5~")
        ann.wait_rows("* general has no older messages", "general>")
        ann.line("/search M4")
        ann.wait_rows("-- 11 found in general --", "12:34 bob: m4", *(f"12:34 bob: m{number}" for number in range(40, 50)), "-- end of search --", "general>")
        ann.line("/history 1h")
        ann.wait_rows("12:34 bob: m50", "-- end of history --", "general>")

    def test_joins_of_those_that_do_not_speak_are_hidden(self):
        broker = self.broker()
        ann = self.talk(broker)
        bob, eve = self.peer(broker, "bob"), self.peer(broker, "eve")
        for peer in (bob, eve):
            peer.ask(op="join", room="general")
        for nick in ("bob", "eve"):
            wait_for(lambda: (ann.line(f"/whois {nick}"), f"* {nick} is in general" in ann.rows())[1], "them to be known")
        bob.ask(op="publish", room="general", text="hi")
        ann.wait_rows("12:34 bob: hi", "general>")
        for peer in (eve, bob):
            peer.ask(op="leave", room="general")
        ann.wait_rows("12:34 bob: hi", "* bob left", "general>")
        self.assertNotRegex(ann.text(), "joined|eve left")

    def test_actions_replies_and_corrections(self):
        broker = self.broker()
        ann = self.talk(broker)
        self.say(broker, "general", b"shall we?\nor not", nick="bob")
        ann.wait_rows("12:34 bob: shall we?", "           or not", "general>")
        ann.line("/reply bob yes, lets")
        ann.wait_rows("12:34 ann: > bob: shall we?\u2026", "           yes, lets", "general>")
        ann.line("/me waves")
        ann.wait_rows("12:34 * ann waves", "general>")
        ann.line("teh end")
        ann.wait_rows("12:34 ann: teh end", "general>")
        ann.line("/edit")
        ann.wait_rows("general> * teh end")
        ann.type("\x1bb\x1bb\x1bdthe\r")
        ann.wait_rows("12:34 ann: * the end", "general>")

    def test_one_person(self):
        broker = self.broker(config=FAST)
        ann = self.talk(broker)
        bob = self.peer(broker, "bob")
        ann.line("/query bob")
        ann.wait_rows("-- @bob --", "@bob>")
        ann.line("psst")
        ann.wait_rows("12:34 ann: psst", "@bob>")
        self.assertEqual(bob.ask(op="direct", to="ann", text="yes?")["op"], "ok")
        ann.wait_rows("12:34 ann: psst", "12:34 bob: yes?", "@bob>")
        ann.line("/join general")
        self.assertEqual(bob.ask(op="direct", to="ann", text="still there?")["op"], "ok")
        ann.wait_rows("-- general --", "general [@bob 1]>")
        ann.line("/close bob")
        ann.wait_rows("-- general --", "general>")
        self.assertEqual(bob.ask(op="direct", to="ann", text="bye")["op"], "ok")
        ann.wait_rows("12:34 *bob* bye", "general>")

    def test_ignored_people(self):
        broker = self.broker()
        ann = self.talk(broker)
        ann.line("/ignore eve")
        ann.line("/save")
        ann.wait("saved in ")
        self.say(broker, "general", b"noise", nick="eve")
        self.say(broker, "general", b"signal", nick="bob")
        ann.wait("bob: signal$")
        self.assertNotIn("noise", ann.text())
        ann.line("/quit")
        ann.finish()
        ann = self.talk(broker)
        ann.wait("bob: signal$")
        self.assertNotIn("noise", ann.text())

    def test_lost_and_back_while_typing(self):
        data = ("--data", os.path.join(self.folder, "data"))
        broker = self.broker(*data, config=FAST)
        ann = self.talk(broker)
        ann.line("before")
        ann.wait_rows("12:34 ann: before", "general>")
        broker.signal(signal.SIGKILL)
        broker.finish()
        ann.wait("lost the broker")
        ann.line("typed meanwhile")
        ann.wait("not sent yet: typed meanwhile")
        ann.type("half a li")
        again = self.broker("--listen", broker.server, "--back", broker.back, *data, config=FAST)
        self.say(again, "general", b"missed?", nick="bob")
        ann.wait(r"back; (\d messages? recovered|nothing was missed)$")
        ann.wait("ann: typed meanwhile$")
        self.assertEqual(ann.rows()[-1], "general> half a li")
        ann.type("ne\r")
        ann.wait("ann: half a line$")
        self.assertEqual(sorted(self.bodies(again)), [b"before", b"half a line", b"missed?", b"typed meanwhile"])

    def test_earlier_lines_are_there_in_the_next_chat(self):
        broker = self.broker()
        ann = self.talk(broker)
        ann.line("remember me")
        ann.wait("ann: remember me$")
        ann.line("/quit")
        self.assertEqual(ann.finish(), 0)
        self.assertEqual(os.stat(os.path.join(self.folder, "zrelay/chat-typed")).st_mode & 0o777, 0o600)
        ann = self.talk(broker)
        ann.type("\x1b[A\x1b[A")
        ann.wait_rows("general> remember me")
        ann.type("\x15\x12memb")
        ann.wait_rows("search: memb> remember me")

    def test_logs_and_a_command_for_mentions(self):
        broker = self.broker()
        told = os.path.join(self.folder, "told")
        ann = self.talk(broker, "ann", "a/b", options=("--log", self.folder, "--notify", f'echo "$ZRELAY_SENDER: $(cat)" >>{told}; echo noise'))
        self.say(broker, "a/b", b"hello", b"and ann?\x1b[2J", nick="bob")
        wait_for(lambda: os.path.exists(told) and os.path.getsize(told) == len(b"bob: and ann?\x1b[2J\n"), "the command")
        path = os.path.join(self.folder, "a%2Fb." + time.strftime("%Y-%m-%d") + ".log")
        with open(path, encoding="utf-8") as file:
            self.assertRegex(file.read(), r"\A\d\d:\d\d:\d\d bob: hello\n\d\d:\d\d:\d\d bob: and ann\?\\x1b\[2J\n\Z")
        self.assertNotIn("noise", ann.text())

    def test_a_message_that_would_move_the_cursor(self):
        """It is shown, and typed anew, without being obeyed; a former owner of the nick may have sent it."""
        broker = self.broker()
        self.say(broker, "general", "\x1b[2J\x1b]0;x\x07\u202eabc".encode(), nick="ann").ask(op="bye")
        ann = self.talk(broker)
        ann.wait_rows("12:34 ann: \\x1b[2J\\x1b]0;x\\x07\\u{202e}abc", "general>")
        ann.line("/edit")
        ann.wait_rows("general> * ?[2J?]0;x??abc")
        for bad in (b"\x1b[2J", b"\x1b]", "\u202e".encode()):
            self.assertNotIn(bad, bytes(ann.shown))

    def test_a_topic(self):
        broker = self.broker()
        ann = self.talk(broker)
        ann.line("/topic")
        ann.wait("there is no topic; ")
        ann.line("/topic be kind")
        ann.wait("ann set topic: be kind$")
        ann.line("/topic")
        ann.wait("topic of general: be kind$")
        self.say(broker, "general", *(b"m%d" % number for number in range(20)), nick="eve")
        bob = self.talk(broker, "bob")
        bob.wait_rows("12:34 eve: m19", "* topic of general: be kind", "general>")


if __name__ == "__main__":
    unittest.main()
