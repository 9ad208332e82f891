"""Names that would pass for others are refused, wherever they come in; and nobody learns by a name what it is not told."""
import os
import subprocess
import unittest

from harness import ZRELAYD, Program, TestCase, publish_frame

NFC, NFD = "jos\u00e9", "jose\u0301"
MIXED = "j\u043es\u00e9"  # its second letter is Cyrillic
FORM = "normalization form C"


class NamesCase(TestCase):
    def token_hash(self, token=b"token"):
        return subprocess.run([ZRELAYD, "--hash-token"], input=token, capture_output=True, check=True).stdout.decode().strip()

    def code(self, answer):
        self.assertEqual(answer["op"], "error", answer)
        return answer["code"]

    def refused(self, *arguments):
        """zrelayd must end with 1 and one line on stderr; returns the line."""
        program = Program([ZRELAYD, *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), 1, program.errors())
        self.assertRegex(program.errors(), r"\Azrelayd: [^\n]+\n\Z")
        return program.errors()


class OneSpelling(NamesCase):
    def test_ops_and_frames_refuse_other_forms(self):
        peer = self.peer(self.broker(), "ann")
        for op, members in (("join", {}), ("who", {}), ("state", {}), ("replay", {"after": 0}), ("publish", {"text": "x"}), ("leave", {})):
            with self.subTest(op):
                answer = peer.ask(op=op, room=NFD, **members)
                self.assertEqual(self.code(answer), "bad-room")
                self.assertIn(FORM, answer["text"])
        for op, members, code in (("direct", {"to": NFD, "text": "x"}, "bad-nick"), ("who", {"room": "r", "after": NFD}, "bad-nick"),
                                  ("state", {"room": "r", "key": NFD}, "bad-key"),
                                  ("publish", {"room": "r", "key": NFD, "text": "x"}, "bad-key")):
            with self.subTest(op):
                answer = peer.ask(op=op, **members)
                self.assertEqual(self.code(answer), code)
                self.assertIn(FORM, answer["text"])
        peer.send(publish_frame(NFD, (1, b"x")))
        answer = peer.control()
        self.assertEqual((self.code(answer), answer["mid"]), ("bad-room", 1))
        self.assertIn(FORM, answer["text"])
        peer.send(publish_frame("r", (2, b"x", NFD.encode())))
        answer = peer.control()
        self.assertEqual((self.code(answer), answer["mid"]), ("bad-key", 2))
        self.assertIn(FORM, answer["text"])
        self.assertEqual(peer.ask(op="rooms")["rooms"], [])
        self.assertEqual(peer.ask(op="publish", room=NFC, text="x")["op"], "ack")

    def test_nicks_that_pass_for_others(self):
        users = self.users(f'user\n    name = anonymous\n    allow = "all : *"\nuser\n    name = "{NFC}"\n    token = "{self.token_hash()}"\n'
                           f'    allow = "all : *"\nuser\n    name = admin\n    token = "{self.token_hash()}"\n    allow = "all : *"\n')
        broker = self.broker("--users", users, config="auth\n    tokens = 1\n")
        for nick, code in ((NFC, "nick-in-use"), (NFC.upper(), "nick-in-use"), ("Jos\u00e9", "nick-in-use"), (NFD, "bad-nick"),
                           (MIXED, "bad-nick"), ("anonymous", "bad-nick"), ("Anonymous", "bad-nick"), ("zrelayd", "bad-nick"),
                           ("SERVER", "bad-nick"), ("Admin", "bad-nick")):
            with self.subTest(nick):
                self.assertEqual(self.code(self.peer(broker, hello=False).hello(nick)), code)
        for nick in ("jose", "\u0438\u0432\u0430\u043d", "ann\u7530\u4e2d\u30a2"):
            with self.subTest(nick):
                self.assertEqual(self.peer(broker, nick).welcome["nick"], nick)
        # The operator may give such a name to a user.
        for user in (NFC, "admin"):
            self.assertEqual(self.peer(broker, hello=False).hello(user=user, token="token")["nick"], user)

    def test_the_brokers_words_are_nobodys_without_users(self):
        broker = self.broker()
        self.assertEqual(self.code(self.peer(broker, hello=False).hello("anonymous")), "bad-nick")
        peer = self.peer(broker, "ann")
        self.assertEqual(self.code(peer.hello("Operator")), "bad-nick")
        self.assertEqual(peer.hello()["nick"], "ann")

    def test_files_refuse_other_forms(self):
        common = ("--listen", "tcp://127.0.0.1:*", "--check-config")
        for text in (f'user\n    name = "{NFD}"\n', f'role\n    name = "{NFD}"\n', f'user\n    name = a\n    allow = "read : {NFD}*"\n'):
            self.assertIn(FORM, self.refused(*common, "--users", self.users(text)))
        self.assertIn("scripts", self.refused(*common, "--users", self.users(f'user\n    name = "{MIXED}"\n')))
        self.assertIn("case or width", self.refused(*common, "--users", self.users("user\n    name = ann\nuser\n    name = ANN\n")))
        config = self.file("zrelayd.conf", f'room\n    pattern = "{NFD}*"\n')
        self.assertIn(FORM, self.refused("--config", config, "--check-config"))

    def test_the_command_line_normalizes_what_a_person_types(self):
        broker = self.broker()
        self.run_zrelay(broker, "--nick", NFD, "pub", NFD, "text " + NFD)
        self.run_zrelay(broker, "state", NFC, "set", NFD, "value")
        self.assertEqual(self.run_zrelay(broker, "state", NFD, "get", NFC).text(), "value\n")
        history = self.run_zrelay(broker, "--json", "history", NFD, "--sender", NFD).text()
        self.assertIn(f'"sender":"{NFC}"', history)
        self.assertIn("text " + NFD, history)  # bodies are as they were given
        self.assertEqual(self.run_zrelay(broker, "history", NFC).lines()[0], ("text " + NFD).encode())
        self.assertIn(NFC, self.run_zrelay(broker, "rooms", NFD).text())
        mixed = self.run_zrelay(broker, "--nick", MIXED, "pub", "r", "x", code=1)
        self.assertIn("scripts", mixed.errors())
        self.assertIn("reserved", self.run_zrelay(broker, "--nick", "server", "pub", "r", "x", code=3).errors())


class Endpoints(NamesCase):
    def test_endpoints_that_clients_could_not_be_told(self):
        bad = b"ipc://" + os.fsencode(self.path("s")) + b"\xff"
        for arguments in ((b"--listen", bad), (b"--listen", "tcp://127.0.0.1:*", b"--back", bad)):
            self.assertIn("not valid UTF-8", self.refused(*arguments))
            self.assertIn("not valid UTF-8", self.refused(*arguments, "--check-config"))
        self.assertIn("control character", self.refused("--listen", "ipc://" + self.path("s\u009b1m")))
        for name, value in (("listen", bad), ("back", bad), ("advertise", bad), ("greeting", b"caf\xe9")):
            config = self.file("zrelayd.conf", b"server\n    " + name.encode() + b' = "' + value + b'"\n')
            for more in ((), ("--check-config",)):
                self.assertIn("not valid UTF-8", self.refused("--config", config, *more), name)
        broker = self.broker("--listen", "ipc://" + self.path("caf\u00e9"))
        self.assertEqual(self.peer(broker).welcome["back"], "ipc://" + self.path("caf\u00e9-back"))


class Existence(NamesCase):
    """A user with write and create, and without read, gets the same answers from a broker with the room and from one without."""

    def answers(self, room_exists, limit):
        users = self.users(f'user\n    name = anonymous\n    allow = "write state create : *"\nuser\n    name = ann\n    token = "{self.token_hash()}"\n'
                           '    allow = "all : *"\n')
        broker = self.broker("--users", users, config=f"auth\n    tokens = 1\nlimits\n    {limit} = 3\n")
        ann = self.peer(broker, hello=False)
        ann.hello(user="ann", token="token")
        ann.ask(op="publish", room="secret" if room_exists else "elsewhere", key="k", text="x")
        blind = self.peer(broker, "blind")
        found = []

        def publish(room, mid=None, **more):
            if mid is None:
                answer = blind.ask(op="publish", room=room, text="x", **more)
                found.append({name: value for name, value in answer.items() if name != "re"})
            else:
                blind.send(publish_frame(room, (mid, b"x")))
                found.append(blind.receive())
        publish("secret", key="k", expect=0)
        publish("mine")
        publish("secret")
        for number in range(4):
            publish(f"mine{number}")
        publish("secret", 1)
        publish("mine", 2)
        publish("other", 3)
        for op, members in (("join", {}), ("who", {}), ("state", {}), ("replay", {"after": 0}), ("leave", {})):
            answer = blind.ask(op=op, room="secret", **members)
            found.append({name: value for name, value in answer.items() if name != "re"})
        found.append(blind.ask(op="rooms")["rooms"])
        self.assertIn("too-many-rooms", [one.get("code") for one in found if isinstance(one, dict)])
        return found

    def test_a_quota_tells_nobody_which_rooms_exist(self):
        for limit in ("max-user-rooms", "max-rooms"):
            with self.subTest(limit):
                self.assertEqual(self.answers(True, limit), self.answers(False, limit))


if __name__ == "__main__":
    unittest.main()
