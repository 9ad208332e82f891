"""zrelay chat: what people that live in a chat do all day."""
import os
import signal
import unittest

from chat_case import FAST, ChatCase
from harness import wait_for


class Habits(ChatCase):
    def test_the_help_fits_on_a_screen(self):
        broker = self.broker()
        ann = self.talk(broker)
        ann.line("/help")
        ann.wait_rows("* rooms: /join /part /close /rooms /topic",
                      "* messages: /msg /query /me /reply /edit /history /search",
                      "* people: /who /whois /names /ignore /unignore",
                      "* yourself: /nick /away /back /status",
                      "* the chat: /clear /reconnect /set /save /help /quit",
                      "* /help COMMAND tells more, /help all tells all of them, /help keys tells the",
                      "  keys",
                      "* //TEXT sends a line that begins with /",
                      "general>")
        ann.line("/help topic")
        ann.wait_rows("* /topic [TEXT]     the room's topic, or a new one", "general>")
        ann.line("/help nonsense")
        ann.wait_rows('* there is no command "nonsense"; /help lists them', "general>")

    def test_without_a_broker(self):
        """What must wait says so, and what the user wrote is not new to the user."""
        data = ("--data", os.path.join(self.folder, "data"))
        broker = self.broker(*data, config=FAST)
        ann = self.talk(broker, "ann", "one", "two")
        self.say(broker, "one", b"hello", nick="bob")
        ann.wait_rows("two [one 1]>")
        ann.type("\x1bp")
        ann.wait_rows("-- one --", "12:34 bob: hello", "one>")
        broker.signal(signal.SIGKILL)
        broker.finish()
        ann.wait_rows("* lost the broker; trying again, and /reconnect tries at once", "one>")
        ann.line("mine")
        ann.wait_rows("* not sent yet: mine", "one>")
        ann.type("\x1bn")
        ann.wait_rows("-- two --", "two>")
        ann.line("/who")
        ann.wait_rows("* without a broker; ask again when the connection is back", "two>")
        ann.line("/rooms on")
        ann.wait_rows("* without a broker; it waits until the connection is back", "two>")
        again = self.broker("--listen", broker.server, "--back", broker.back, *data, config=FAST)
        ann.wait(r"\* one: \d present, you too$")
        wait_for(lambda: self.bodies(again, "one") == [b"hello", b"mine"], "the line to be sent")
        ann.wait("back; nothing was missed$")
        ann.type("\x1bp")
        ann.wait_rows("-- one --", "12:34 ann: mine", "one>")

    def test_a_room_is_not_taken_for_a_mark(self):
        broker = self.broker()
        ann = self.talk(broker, "ann", "new", "general")
        self.say(broker, "new", b"a", nick="bob")
        ann.wait_rows("general [new 1]>")
        ann.type("\x1bp")
        ann.wait_rows("-- new --", "12:34 bob: a", "new>")
        ann.type("\x1bn")
        ann.wait_rows("-- general --", "general>")
        self.say(broker, "new", b"b", nick="eve")
        ann.wait_rows("general [new 1]>")
        ann.type("\x1bp")
        ann.wait_rows("-- new --", "-- new messages --", "12:34 eve: b", "new>")

    def test_a_query_begins_with_what_was_whispered(self):
        broker = self.broker(config=FAST)
        ann, bob = self.talk(broker), self.peer(broker, "bob")
        self.assertEqual(bob.ask(op="direct", to="ann", text="psst")["op"], "ok")
        ann.wait_rows("12:34 *bob* psst", "general>")
        ann.line("/msg bob what is it?")
        ann.wait_rows("12:34 -> bob: what is it?", "general>")
        ann.line("/query eve")
        ann.wait_rows("-- @eve --", "@eve>")
        ann.line("/query bob")
        ann.wait_rows("-- @bob --", "12:34 bob: psst", "12:34 ann: what is it?", "@bob>")
        self.assertEqual(bob.ask(op="direct", to="ann", text="nothing")["op"], "ok")
        ann.wait_rows("12:34 ann: what is it?", "12:34 bob: nothing", "@bob>")
        for command in ("/who", "/names", "/topic"):
            ann.line(command)
            ann.wait_rows("* that is for rooms; here you talk with bob alone", "@bob>")
            ann.line("/help me")
            ann.wait_rows("* /me TEXT          say what you do: * ann waves", "@bob>")
        ann.line("/ignore ann")
        ann.wait_rows("* you cannot ignore yourself", "@bob>")

    def test_to_the_room_where_something_is_new(self):
        broker = self.broker()
        ann = self.talk(broker, "ann", "one", "two", "three")
        self.say(broker, "one", b"plain", nick="bob")
        self.say(broker, "two", b"ann: for you", nick="eve")
        ann.wait_rows("three [two 1 (1 for you), one 1]>")
        ann.type("\x1ba")
        ann.wait_rows("-- two --", "12:34 eve: ann: for you", "two [one 1]>")
        ann.type("\x1ba")
        ann.wait_rows("-- one --", "12:34 bob: plain", "one>")
        ann.type("\x1bastay")
        ann.wait_rows("12:34 bob: plain", "one> stay")

    def test_many_rooms_leave_room_for_the_line(self):
        broker = self.broker()
        rooms = [f"project-number-{number}" for number in range(1, 7)]
        ann = self.talk(broker, "ann", *rooms, "general")
        for room in rooms[:5]:
            self.say(broker, room, b"news")
        self.say(broker, rooms[5], b"ann?")
        ann.wait_rows("general [project-number-6 1 (1 for you), +5]>")
        ann.type("a line of mine that is typed")
        ann.wait_rows("general [project-number-6 1 (1 for you), +5]> a line of mine that is typed")

    def test_rooms_of_irc(self):
        broker = self.broker()
        ann = self.talk(broker)
        ann.line("/join #dev")
        ann.wait("rooms need no #: this one is #dev; what IRC calls #dev is the room dev$")
        ann.wait(r"you are in #dev, 1 here$")

    def test_the_prompt_reminds_of_being_away(self):
        broker = self.broker()
        ann = self.talk(broker)
        ann.line("/away at lunch")
        ann.wait_rows("* you are shown as (away: at lunch)", "general (away)>")
        ann.line("/back")
        ann.wait_rows("general>")

    def test_an_answer_to_an_action(self):
        broker = self.broker()
        ann = self.talk(broker)
        self.say(broker, "general", b"/me waves", nick="bob")
        ann.wait_rows("12:34 * bob waves", "general>")
        ann.line("/reply bob hello")
        ann.wait_rows("12:34 ann: > * bob waves", "           hello", "general>")

    def test_typing_while_very_much_comes(self):
        """What is typed stands on the screen before the last message does."""
        broker = self.broker()
        ann = self.talk(broker)
        writer = self.zrelay(broker, "--nick", "bob", "pub", "general")
        writer.process.stdin.write(b"".join(b"message %05d of many\n" % number for number in range(10000)))
        writer.close_stdin()
        ann.wait(r"bob: message 00\d\d\d of many$")
        ann.type("typed meanwhile")
        ann.wait("bob: message 09999 of many$")
        ann.wait("general> typed meanwhile")
        shown = bytes(ann.shown)
        self.assertLess(shown.index(b"typed meanwhile"), shown.index(b"message 09999"))
        ann.type("\r")
        ann.wait_rows("12:34 ann: typed meanwhile", "general>")
        self.assertEqual(len(set(self.bodies(broker))), 10001)


if __name__ == "__main__":
    unittest.main()
