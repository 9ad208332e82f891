"""zrelay chat of a user: how far the user has read stands at the broker, in the user's home."""
import json
import os
import re
import subprocess
import unittest

from chat_case import ChatCase
from harness import ZRELAYD, wait_for


class Homes(ChatCase):
    def setUp(self):
        super().setUp()
        users = ""
        for name, rules in (("ann", "all : *"), ("bob", "all : *"), ("cat", "read write presence : *"),
                            ("dan", "all : lobby*")):
            token = subprocess.run([ZRELAYD, "--hash-token"], input=b"secret of " + name.encode(), capture_output=True, check=True).stdout
            users += f'user\n    name = {name}\n    token = "{token.decode().strip()}"\n    allow = "{rules}"\n'
            os.chmod(self.file(name, f"secret of {name}"), 0o600)
        self.relay = self.broker("--users", self.users(users), config="auth\n    tokens = 1\n")

    def as_user(self, name):
        return "--user", name, "--token-file", self.path(name)

    def at(self, place, name, *rooms):
        """A chat of the user on a machine of its own."""
        folder = self.path(place)
        os.makedirs(folder, exist_ok=True)
        return self.chat(self.relay, name, *rooms, login=self.as_user(name), XDG_CONFIG_HOME=folder)

    def tell(self, room, *texts, name="bob"):
        self.run_zrelay(self.relay, *self.as_user(name), "pub", room, stdin="".join(f"{text}\n" for text in texts).encode())

    def marks(self, name="ann"):
        """The entries of the user's marks, as (room, seq)."""
        lines = self.run_zrelay(self.relay, *self.as_user(name), "--json", "history", f"~{name}/read").lines()
        return [(entry["key"], int(entry["body"].split()[1])) for entry in map(json.loads, lines)]

    def test_two_chats_of_a_user_agree(self):
        desk, phone = self.at("desk", "ann", "one", "two"), self.at("phone", "ann", "one", "two")
        self.tell("one", "hello", "ann?", "well")
        for chat in (desk, phone):
            chat.wait_rows("two [one 3 (1 for you)]>")
        desk.type("\x1bp")
        desk.wait("bob: well$")
        desk.type("\x1bn")
        phone.wait_rows("two>")
        self.tell("one", "more")
        for chat in (desk, phone):
            chat.wait_rows("two [one 1]>")
        phone.type("\x1bp")
        phone.wait(r"-- new messages --\n+\d\d:\d\d bob: more$")  # what was read at the desk is not new here
        self.assertEqual(phone.text().count("-- new messages --"), 1)

    def test_the_next_chat_elsewhere_shows_what_is_new(self):
        self.tell("general", "old", "older")
        desk = self.at("desk", "ann")
        desk.wait("bob: older$")
        desk.line("/quit")
        self.assertEqual(desk.finish(), 0)
        self.assertEqual(self.marks(), [("general", 2)])
        self.tell("general", "newer")
        phone = self.at("phone", "ann")
        phone.wait(r"bob: older\n+-- new messages --\n+\d\d:\d\d bob: newer$")
        phone.line("/rooms")
        phone.wait(r"\* general: 1 present, you too$")
        phone.line("/quit")
        self.assertEqual(phone.finish(), 0)
        self.assertNotIn("~ann", phone.text())
        self.assertEqual(self.marks(), [("general", 2), ("general", 3)])

    def test_a_mark_is_written_seldom(self):
        desk = self.at("desk", "ann", "one", "two")
        self.tell("two", *range(500))
        desk.wait("bob: 499$")
        for _ in range(6):
            desk.type("\x1bn")
        wait_for(lambda: desk.text().count("-- two --") == 4, "the last switch")
        desk.line("/quit")
        self.assertEqual(desk.finish(), 0)
        marks = self.marks()
        self.assertEqual(marks[-1], ("two", 500))
        self.assertLess(len(marks), 20)  # each further one needs some seconds

    def test_nobody_else_sees_them(self):
        desk = self.at("desk", "ann")
        self.tell("general", "hi")
        desk.wait("bob: hi$")
        # Some seconds in view are enough for a mark.
        mark = self.run_zrelay(self.relay, *self.as_user("ann"), "--json", "sub", "~ann/read", "--all", "--count", "1")
        self.assertEqual(json.loads(mark.text())["key"], "general")
        for command in (["history", "~ann/read"], ["sub", "~ann/read", "--count", "1"], ["pub", "~ann/read", "x"]):
            program = self.run_zrelay(self.relay, *self.as_user("bob"), *command, code=3)
            self.assertIn("forbidden", program.errors())
        self.assertNotIn(b"~ann", b"\n".join(self.run_zrelay(self.relay, *self.as_user("bob"), "rooms").lines()))

    def test_a_user_that_may_not_keep_them_there(self):
        """The file is enough on one machine; and nothing is told of it."""
        self.tell("general", "old")
        for text, expected in (("newer", r"bob: old$"), ("newest", r"bob: old\n+-- new messages --\n+\d\d:\d\d bob: newer$")):
            chat = self.at("desk", "cat")
            chat.wait(expected)
            chat.line("/quit")
            self.assertEqual(chat.finish(), 0)
            self.assertNotRegex(chat.text(), re.compile("forbidden|refused|sent"))
            self.tell("general", text)
        self.assertEqual(self.marks("cat"), [])

    def test_a_user_without_rights_there(self):
        """The broker refuses all of it, and nothing is told of it."""
        chat = self.at("desk", "dan", "lobby")
        self.tell("lobby", "hello")
        chat.wait(r"bob: hello$")
        chat.line("/quit")
        self.assertEqual(chat.finish(), 0)
        self.assertNotRegex(chat.text(), re.compile("forbidden|refused|~dan"))


if __name__ == "__main__":
    unittest.main()
