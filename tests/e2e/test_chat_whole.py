"""zrelay chat: whole screens, from the greeting to a lost broker, on several terminals; and the days of messages."""
import os
import signal
import textwrap
import time
import unittest

from chat_case import FAST, ChatCase
from harness import wait_for
from test_clock import ClockCase

DAY = 86400


class Whole(ChatCase):
    def see(self, chat, log, *prompt):
        """The whole screen holds the end of `log`, and below it the prompt."""
        wanted = [*log, *prompt][-chat.screen.lines:]
        try:
            wait_for(lambda: chat.rows() == wanted, "the screen")
        except AssertionError:
            raise AssertionError("\n".join(["wanted:", *wanted, "shown:", *chat.rows()])) from None

    def say(self, *arguments, **options):
        """Somebody says something and goes, so that the nick is free."""
        super().say(*arguments, **options).ask(op="bye")

    def test_a_whole_talk(self):
        for term, size in (("xterm-256color", (24, 80)), ("tmux-256color", (60, 200)), ("linux", (24, 80))):
            with self.subTest(term):
                self.whole_talk(term, size)

    def whole_talk(self, term, size):
        data = ("--data", self.path(f"data-{term}"))
        broker = self.broker(*data, config=FAST)
        ann = self.talk(broker, "ann", "one", "two", size=size, TERM=term, NO_COLOR="", XDG_CONFIG_HOME=self.path(term))
        log = ["* you are ann; /help tells what can be done", "-- two --", "* you are in one, 1 here", "* you are in two, 1 here"]
        self.see(ann, log, "two>")

        # Messages come while a line is being edited, with characters of two columns.
        ann.type("h\u00e4lf \u6f22\u5b57 line\x1b[D\x1b[D\x1b[D\x1b[D")
        self.say(broker, "two", "\u6f22\u5b57 \U0001f600".encode(), b"second", nick="bob")
        log += ["12:34 bob: \u6f22\u5b57 \U0001f600", "12:34 bob: second"]
        self.see(ann, log, "two> h\u00e4lf \u6f22\u5b57 line")
        self.assertEqual(ann.cursor(), (len(log), len("two> half xxxx ")))
        ann.type("full \r")
        log += ["12:34 ann: h\u00e4lf \u6f22\u5b57 full line"]
        self.see(ann, log, "two>")

        # Tab, and a paste of several lines.
        ann.type("bo\t")
        self.see(ann, log, "two> bob:")
        self.paste(ann, "/quit\n  twice\nthrice")
        self.see(ann, log, "two> bob: /quit", "  twice", "thrice")
        self.say(broker, "two", b"meanwhile", nick="eve")
        log += ["12:34 eve: meanwhile"]
        self.see(ann, log, "two> bob: /quit", "  twice", "thrice")
        ann.type("\r")
        log += ["12:34 ann: bob: /quit", "             twice", "           thrice"]
        self.see(ann, log, "two>")

        # A text that would move the cursor, and a message in another room.
        self.say(broker, "two", "\x1b[2J\x1b]0;x\x07\u202eabc\r\nann: fake".encode(), nick="mal")
        log += ["12:34 mal: \\x1b[2J\\x1b]0;x\\x07\\u{202e}abc\\x0d", "           ann: fake"]
        self.see(ann, log, "two>")
        self.say(broker, "one", b"ann, look", nick="bob")
        self.see(ann, log, "two [one 1 (1 for you)]>")
        ann.type("\x1bp")
        log += ["-- one --", "12:34 bob: ann, look"]
        self.see(ann, log, "one>")
        ann.type("\x1bn")
        log += ["-- two --"]
        self.see(ann, log, "two>")
        self.say(broker, "one", b"more", nick="bob")
        self.see(ann, log, "two [one 1]>")
        ann.type("\x1bn")
        log += ["-- one --", "-- new messages --", "12:34 bob: more"]
        self.see(ann, log, "one>")

        # The broker is lost while a line is being typed, and messages come before ann is back.
        ann.type("in the midd")
        broker.signal(signal.SIGKILL)
        broker.finish()
        ann.wait("lost the broker")
        log += ["* lost the broker; trying again, and /reconnect tries at once"]
        self.see(ann, log, "one> in the midd")
        ann.type("le\r")
        log += ["* not sent yet: in the middle"]
        self.see(ann, log, "one>")
        ann.type("of a wo")
        ann.process.send_signal(signal.SIGSTOP)
        again = self.broker("--listen", broker.server, "--back", broker.back, *data, config=FAST)
        self.say(again, "one", b"m1", b"m2", b"m3", nick="eve")
        ann.process.send_signal(signal.SIGCONT)
        log += ["* connected again", *(f"12:34 eve: m{n}" for n in (1, 2, 3)), "12:34 ann: in the middle", "* back; 3 messages recovered"]
        self.see(ann, log, "one> of a wo")
        ann.type("rd\r")
        log += ["12:34 ann: of a word"]
        self.see(ann, log, "one>")
        self.assertEqual(self.bodies(again, "one")[-5:], [b"m1", b"m2", b"m3", b"in the middle", b"of a word"])

        # Another size: the next message is wrapped for it. Here the terminal cuts the older rows off.
        columns, words = size[1] // 2, "word " * 40 + "end"
        ann.resize(size[0], columns)
        ann.process.send_signal(signal.SIGWINCH)
        self.say(again, "one", words.encode(), nick="bob")
        rows = textwrap.wrap(words, columns, initial_indent="12:34 bob: ", subsequent_indent=" " * len("12:34 bob: "))
        log = [row[:columns] for row in log]
        self.see(ann, log + rows, "one>")
        ann.line("/quit")
        self.assertEqual(ann.finish(), 0)
        again.end()

    def test_a_terminal_that_can_do_nothing(self):
        """With TERM=dumb the chat is a filter: nothing moves the cursor."""
        broker = self.broker()
        self.say(broker, "general", b"before", nick="bob")
        ann = self.talk(broker, "ann", live=False, TERM="dumb", NO_COLOR="")
        self.see(ann, ["12:34 bob: before"])
        ann.type("hello\n")
        self.see(ann, ["12:34 bob: before", "hello", "12:34 ann: hello"])
        self.say(broker, "general", b"\x1b[2J\rbye", nick="bob")
        self.see(ann, ["12:34 bob: before", "hello", "12:34 ann: hello", "12:34 bob: \\x1b[2J\\x0dbye"])
        ann.type("\x04")
        self.assertEqual(ann.finish(), 0)
        self.assertNotIn(b"\x1b", bytes(ann.shown))


class Days(Whole, ClockCase):
    test_a_whole_talk = test_a_terminal_that_can_do_nothing = None

    def test_a_day_begins(self):
        """The broker's clock is yesterday's, and then today's."""
        today = int(time.time()) // DAY * DAY
        noon = int(today - DAY // 2 - time.time())
        self.set_clock(noon)
        broker = self.broker()
        ann = self.talk(broker, "ann", "one", "two")
        log = ["* you are ann; /help tells what can be done", "-- two --", "* you are in one, 1 here", "* you are in two, 1 here"]
        yesterday, now = (time.strftime("-- %A, %Y-%m-%d --", time.gmtime(at)) for at in (today - DAY, today))
        ann.type("half")
        self.say(broker, "two", b"late", b"later", nick="bob")
        log += [yesterday, "12:34 bob: late", "12:34 bob: later"]
        self.see(ann, log, "two> half")
        self.say(broker, "one", b"elsewhere", nick="bob")
        self.see(ann, log, "two [one 1]> half")
        self.set_clock(0)
        self.say(broker, "two", b"early", nick="eve")
        self.say(broker, "two", b"next", nick="eva")
        log += [now, "12:34 eve: early", "12:34 eva: next"]
        self.see(ann, log, "two [one 1]> half")
        ann.type("\x1bn")
        log += ["-- one --", yesterday, "12:34 bob: elsewhere"]
        self.see(ann, log, "one> half")


    def test_midnight_without_a_word(self):
        today = int(time.time()) // DAY * DAY
        self.set_clock(int(today - DAY // 2 - time.time()))
        broker = self.broker(config=FAST)
        clock = {name: os.environ[name] for name in ("LD_PRELOAD", "TEST_CLOCK", "ASAN_OPTIONS")}
        ann = self.talk(broker, "ann", **clock)
        log = ["* you are ann; /help tells what can be done", "* you are in general, 1 here", "12:34 bob: late"]
        self.say(broker, "general", b"late", nick="bob")
        self.see(ann, log, "general>")
        self.set_clock(0)
        log += [time.strftime("-- %A, %Y-%m-%d --", time.gmtime(today))]
        self.see(ann, log, "general>")
        self.say(broker, "general", b"early", nick="eve")
        self.see(ann, [*log, "12:34 eve: early"], "general>")


if __name__ == "__main__":
    unittest.main()
