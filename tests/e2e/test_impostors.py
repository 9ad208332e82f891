"""Attackers that pretend to be another user, ask for data that they may not have, or wait for the operator's mistakes. Beside each of them an
honest session publishes and reads all along, and must notice nothing. See test_hostile.py."""
import contextlib
import json
import os
import re
import secrets
import signal
import struct
import unittest

import curve_client
import test_auth
import test_hostile
from harness import ZRELAY, ZRELAYD, Program, deliver_entries, publish_frame, wait_for
from test_hostile import ALL, SEES_HONEST


class Spoofing(test_hostile.HostileCase):
    SECTIONS = property(lambda self: (test_auth.section("alice", self.alice, rules=ALL),
                                      test_auth.section("mallory", self.mallory, rules='    allow = "all : general"\n')))

    def told(self, peer, *requests):
        """All that comes until the answer to a ping behind these."""
        for request in (*requests, {"op": "ping", "id": "last"}):
            peer.send(json.dumps(request).encode())
        frames = [peer.receive()]
        while b'"last"' not in frames[-1]:
            frames.append(peer.receive())
        return frames

    def test_the_secrets_of_another_users_session(self):
        with self.besieged(*self.SECTIONS) as (broker, honest):
            for stolen in ("resume", "client", "both"):
                alice = self.keyed(broker, self.alice)
                alice.ask(op="join", room="secret")
                self.assertEqual(alice.ask(op="publish", room="secret", text="hidden")["op"], "ack")
                mallory = self.keyed(broker, self.mallory, hello=False, client=None if stolen == "resume" else alice.client)
                welcome = mallory.hello(nick="alice", resume=None if stolen == "client" else alice.welcome["resume"])
                self.assertEqual((welcome["user"], welcome["nick"], welcome["resumed"]), ("mallory", "mallory", False), stolen)
                self.assertNotEqual(welcome["resume"], alice.welcome["resume"])
                frames = self.told(mallory, {"op": "replay", "room": "secret", "after": 0}, {"op": "join", "room": "secret"},
                                   {"op": "publish", "room": "secret", "text": "forged"})
                self.assertFalse(any(b"hidden" in frame for frame in frames), frames)
                self.assertEqual(sum(b"forbidden" in frame for frame in frames), 3)
                self.assertEqual(json.loads(frames[-1])["heads"], {})
                # mallory's messages are published as mallory's.
                self.assertEqual(mallory.ask(op="publish", room="general", text="x", mid=1000)["op"], "ack")
                reader = self.keyed(broker, self.alice)
                reader.send(b'{"op":"replay","room":"general","last":1}')
                self.assertEqual(deliver_entries(reader.receive())[3][0][3], "mallory")
                self.assertEqual(alice.hello()["user"], "alice")  # and she can go on, whatever was done to her session
                mallory.ask(op="bye")
                alice.ask(op="bye")
            honest.check()

    def test_members_that_claim_to_be_somebody(self):
        claims = {"from": "alice", "sender": "alice", "nick": "alice", "user": "alice", "by": "alice", "authenticated": True,
                  "private": False}
        with self.besieged(*self.SECTIONS) as (broker, honest):
            alice, mallory = self.keyed(broker, self.alice), self.keyed(broker, self.mallory)
            self.assertEqual(mallory.ask(op="direct", to="alice", text="me", **claims)["op"], "ok")
            self.assertEqual(alice.control()["from"], "mallory")
            self.assertEqual(mallory.ask(op="publish", room="general", text="me", **claims)["op"], "ack")
            alice.send(b'{"op":"replay","room":"general","after":0}')
            self.assertEqual([entry[3] for entry in deliver_entries(alice.receive())[3]], ["mallory"])
            for do in ("kick", "ban", "reload", "bans"):
                self.assertEqual(self.code(mallory.ask(op="admin", do=do, **{**claims, "user": "alice"})), "forbidden")
            # hello's own members: a client with a key is the key's user.
            for members in ({"user": "alice"}, {"user": "alice", "token": "x"}, {"nick": "alice"}, {"user": "honest", "token": ""}):
                answer = mallory.hello(**members)
                self.assertIn((answer["op"], answer.get("user")), (("error", None), ("welcome", "mallory")))
            self.assertEqual(self.told(mallory, {"op": "join", "room": "secret"})[0].count(b"forbidden"), 1)
            honest.check()

    def test_metadata_of_an_encrypted_handshake(self):
        """A user, an address or a routing id that the client names in it."""
        with self.besieged(*self.SECTIONS) as (broker, honest):
            for more in ((b"User-Id", b"alice"), (b"user-id", b"alice"), (b"Peer-Address", b"127.0.0.1"), (b"X-User", b"alice"),
                         (b"User-Id", b"")):
                one = self.curve(broker.server, self.mallory, more=[more, more])
                one.handshake()
                one.say(json.dumps({"op": "hello", "proto": 1, "client": secrets.token_hex(16)}).encode())
                self.assertEqual(json.loads(one.hear())["user"], "mallory", more)
                stranger = self.curve(broker.server, self.stranger, more=[more])
                with self.assertRaises((ValueError, curve_client.Closed)):
                    stranger.handshake()
            for claimed in (b"honest", b"x" * 255, b"\x01abcd"):
                one = self.curve(broker.server, self.mallory, more=[(b"Identity", claimed)])
                with self.assertRaises((ValueError, curve_client.Closed)):
                    one.handshake()
                    one.say(json.dumps({"op": "hello", "proto": 1, "client": secrets.token_hex(16)}).encode())
                    one.hear()
            honest.check()

    def test_names_over_a_plain_listener(self):
        """An anonymous client cannot take a user's name, neither at once nor later, nor another anonymous client's session."""
        nobody = test_auth.section("anonymous", rules='    allow = "all : general"\n')
        attacked, ((front, _back), _) = self.besieged_two(*self.SECTIONS, nobody)
        with attacked as (_broker, honest):
            guest, other = self.peer(front, "guest"), self.peer(front, "other")
            for name in ("alice", "mallory", "honest"):
                self.assertEqual(self.code(guest.hello(name)), "nick-in-use")
                self.assertEqual(self.code(self.peer(front, hello=False).hello(name)), "nick-in-use")
            for name in ("alice\u200b", "al\u00adice", "\ufeffalice", "alice\U000e0041", "alice\u2003", "\u3164"):  # which would look the same
                self.assertEqual(self.code(guest.hello(name)), "bad-nick")
            self.assertEqual(self.code(guest.hello("other")), "nick-in-use")
            self.assertEqual(guest.hello()["nick"], "guest")
            self.assertFalse(self.peer(front, hello=False).hello(resume=other.welcome["resume"])["resumed"])
            for members in ({"user": "alice"}, {"user": "alice", "token": "x"}, {"user": "anonymous", "token": "x"}):
                self.assertEqual(self.code(self.peer(front, hello=False).hello(**members)), "login-failed")
            honest.check()


class Reloads(test_hostile.HostileCase):
    def section(self, *rules):
        return test_auth.section("mallory", self.mallory, rules="".join(f'    {rule}\n' for rule in (SEES_HONEST.strip(), *rules)))

    def test_each_right_is_in_force_with_the_next_request(self):
        every = 'allow = "all : arena*"'
        operator = test_auth.section("operator", self.alice, rules=test_auth.ADMIN)

        def requests():
            for mid, right in ((1, "write"), (2, "state")):
                yield right, {"op": "publish", "room": "arena", "text": "x", **({"key": "k"} if mid == 2 else {})}
            for op in ("join", "state", "who"):
                yield "presence" if op == "who" else "read", {"op": op, "room": "arena"}
            yield "read", {"op": "replay", "room": "arena", "after": 0}
            yield "create", {"op": "publish", "room": "arena/" + secrets.token_hex(4), "text": "x"}
            yield "admin", {"op": "admin", "do": "bans"}
        implied = {"read": {"read", "presence"}, "write": {"write", "state"}}  # presence needs read, state needs write
        with self.besieged(operator, self.section(every), more="limits\n    rate-ops = 0\n") as (broker, honest):
            boss, mallory = self.keyed(broker, self.alice), self.keyed(broker, self.mallory)

            def put(*rules):
                self.users(self.text(operator, self.section(*rules)))
                self.assertEqual(boss.ask(op="admin", do="reload")["op"], "ok")
            for taken in ("read", "write", "state", "presence", "create", "admin"):
                for rules in ((every, 'allow = "admin : *"'), (every, 'allow = "admin : *"', f'deny = "{taken} : *"')):
                    if taken in ("read", "presence"):
                        rules = (*rules[:2], *(f'deny = "{taken} : arena*"' for _ in rules[2:]))
                    put(*rules)
                    gone = implied.get(taken, {taken}) if len(rules) > 2 else set()
                    for right, request in requests():
                        answer = mallory.ask(**request)
                        needs = {right} | ({"write"} if right == "create" else set())
                        self.assertEqual(answer.get("code"), "forbidden" if needs & gone else None, (taken, request, answer))
                    honest.check()

    def test_in_a_stream_of_entries(self):
        """After the first entry that is refused none is stored, until the right is back."""
        operator = test_auth.section("operator", self.alice, rules=test_auth.ADMIN)
        with_, without = self.section('allow = "all : arena"'), self.section('allow = "read : arena"')
        with self.besieged(operator, with_) as (broker, honest):
            boss = self.keyed(broker, self.alice)
            for _ in range(5):
                mallory = self.keyed(broker, self.mallory)
                answered, refused, mid, asked = 0, [], 0, False
                while not refused or mid < refused[0] + 500:
                    while mid < answered + 40:
                        mid += 1
                        mallory.send(publish_frame("arena", (mid, b"%d" % mid)))
                    if answered > 200 and not asked:
                        asked = True
                        self.users(self.text(operator, without))
                        boss.send(b'{"op":"admin","do":"reload"}')
                    frame = mallory.receive()
                    if frame[:1] == b"\x02":
                        answered = struct.unpack(">Q", frame[2:10])[0]
                    else:
                        error = json.loads(frame)
                        self.assertEqual(self.code(error), "forbidden")
                        refused += range(error["mid"], error.get("upto", error["mid"]) + 1)
                        answered = refused[-1]
                self.assertEqual(refused, list(range(refused[0], refused[-1] + 1)))
                self.assertEqual(boss.control()["op"], "ok")
                stored = boss.ask(op="replay", room="arena", last=1)["seq"]
                mallory.ask(op="bye")
                self.users(self.text(operator, with_))
                self.assertEqual(boss.ask(op="admin", do="reload")["op"], "ok")
                self.assertEqual(self.keyed(broker, self.mallory).ask(op="publish", room="arena", text="again")["seq"], stored + 1)
            honest.check()


class FailOpen(test_hostile.HostileCase):
    def bad_files(self, path, good):
        """Puts something bad at the path, one after the other; yields what it is."""
        new = path + ".new"

        def put(make):
            with contextlib.suppress(FileNotFoundError):
                os.remove(new)
            make()
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                os.remove(path)
            if os.path.isdir(path):
                os.rmdir(path)
            if os.path.lexists(new):
                os.rename(new, path)

        def write(data, mode=0o600, owner=None):
            def make():
                with open(new, "wb") as file:
                    file.write(data)
                os.chmod(new, mode)
                if owner:
                    os.chown(new, owner, owner)
            return make
        good = good.encode()
        for what, make in (("missing", lambda: None), ("a folder", lambda: os.mkdir(new)), ("a pipe", lambda: os.mkfifo(new, 0o600)),
                           ("a device", lambda: os.symlink("/dev/zero", new)), ("no end", lambda: os.symlink(path, new)),
                           ("nowhere", lambda: os.symlink(path + "-none", new)),
                           ("written by all", write(good, 0o602)), ("written by the group", write(good, 0o620)),
                           *([("another's", write(good, owner=12345)), ("none may read", write(good, 0o000, owner=12345))]
                             if os.getuid() == 0 else [("none may read", write(good, 0o000))]),
                           ("bytes", write(good + bytes(range(256)))), ("zeros", write(good + bytes(10))),
                           ("a zero", write(good.replace(b"alice", b"al\0ice"))),
                           ("not UTF-8", write(good.replace(b"alice", b"al\xffice"))), ("a long line", write(good + b"x" * 1_000_000)),
                           ("half a line", write(good + b"user\n    na")), ("a user without name", write(good + b"user\n")),
                           ("half a rule", write(good + b'user\n    name = x\n    allow = "read"\n')),
                           ("half a key", write(good + b'user\n    name = x\n    key = "abc"\n')),
                           ("no such role", write(good + b"user\n    name = x\n    role = king\n")),
                           ("twice the same", write(good + good)), ("a nick that is none", write(good + b'user\n    name = "a b"\n')),
                           ("a rule of nobody", write(b'allow = "all : *"\n' + good)), ("tabs", write(good.replace(b"    ", b"\t")))):
            put(make)
            yield what

    def test_a_reload_that_fails_changes_nothing(self):
        alice = test_auth.section("alice", self.alice, rules=ALL)
        with self.besieged(alice) as (broker, honest):
            path = self.path("users")
            peer = self.keyed(broker, self.alice)
            # Each of these files would let in mallory, too, if it were taken.
            for what in self.bad_files(path, self.text(alice, test_auth.section("mallory", self.mallory, rules=ALL))):
                with self.subTest(what):
                    self.assertRegex(self.hang_up(broker), re.escape(path) + r".*", what)
                    self.assertFalse(self.admitted(broker, self.mallory))
                    self.assertTrue(self.admitted(broker, self.alice))
                    self.assertEqual(peer.ask(op="join", room="x")["op"], "joined")
                    honest.check()
            if os.path.isdir(path):
                os.rmdir(path)
            self.assertNotIn("error", self.reload(broker, self.text(alice, test_auth.section("mallory", self.mallory, rules=ALL))))
            self.assertTrue(self.admitted(broker, self.mallory))
            honest.check()

    def test_no_start_with_such_a_file(self):
        path = self.path("users")
        for what in self.bad_files(path, test_auth.section("alice", self.alice)):
            with self.subTest(what):
                self.assertIn(path, test_auth.AuthCase.refused(self, "--listen", "tcp://127.0.0.1:*", "--users", path))

    def test_bans_that_cannot_be_read_let_nobody_in_again(self):
        text = (test_auth.section("operator", self.alice, rules=test_auth.ADMIN), test_auth.section("mallory", self.mallory, rules=ALL))
        with self.besieged(*text) as (broker, honest):
            operator = self.keyed(broker, self.alice)
            self.assertEqual(operator.ask(op="admin", do="ban", user="mallory")["op"], "ok")
            bans = self.path("users.bans")
            with open(bans, encoding="utf-8") as file:
                good = file.read()
            for what in ("a folder", "written by all", "bytes", "half a line"):
                if os.path.isdir(bans):
                    os.rmdir(bans)
                else:
                    os.remove(bans)
                if what == "a folder":
                    os.mkdir(bans)
                else:
                    self.users({"written by all": good, "bytes": good + "\x01\x02\n", "half a line": "mal"}[what], "users.bans",
                               0o666 if what == "written by all" else 0o600)
                with self.subTest(what):
                    answer = operator.ask(op="admin", do="reload")
                    self.assertEqual(self.code(answer), "admin-failed")
                    self.assertIn(bans, answer["text"])
                    self.assertFalse(self.admitted(broker, self.mallory))
                    honest.check()
            os.remove(bans)
            self.users(good, "users.bans")
            self.assertEqual(operator.ask(op="admin", do="reload")["op"], "ok")
            self.assertFalse(self.admitted(broker, self.mallory))

    def test_a_reload_that_empties_the_file_lets_out_all(self):
        broker = self.encrypted(test_auth.section("alice", self.alice, rules=ALL))
        alice = self.keyed(broker, self.alice)
        self.reload(broker, "")
        self.assertEqual(alice.control(), {"op": "bye", "reason": "revoked"})
        alice.wait_gone(alice.front)
        self.assertFalse(self.admitted(broker, self.alice))


class Secrets(test_hostile.HostileCase):
    def test_what_is_told_to_who_logs_in_wrongly(self):
        """An answer repeats no token, whatever is wrong with the request; nor does the log."""
        token = secrets.token_hex(16)
        attacked, ((front, _), _) = self.besieged_two(test_auth.section("alice", self.alice), more="auth\n    tokens = 1\n")
        with attacked as (broker, honest):
            for hello in ({"user": "alice", "token": token}, {"user": "alice", "token": [token]}, {"user": "alice", "token": token * 20},
                          {"user": token + "\x1b", "token": token}, {"token": token}, {"token": token, "resume": token * 9},
                          {"user": "alice", "token": token, "proto": 9}, {"user": "alice", "token": token, "client": token[:31]},
                          {"user": "nobody", "token": token, "nick": "a b"}):
                peer = self.peer(front, hello=False)
                answer = peer.ask(**{"op": "hello", "proto": 1, "client": peer.client, **hello})
                self.assertEqual(answer["op"], "error")
                self.assertNotIn(token, json.dumps(answer))
            for frame in (b'{"op":"hello","token":"%s"', b'{"op":"%s"}', b'{"token":"%s","token":"%s"}', b"%s"):
                peer = self.peer(front, hello=False)
                peer.send(frame.replace(b"%s", token.encode()))
                self.assertNotIn(token.encode(), peer.receive())
            honest.check()
            self.assertNotIn(token, broker.errors() + broker.text())

    def test_of_the_command_line(self):
        """In nothing it prints, in no argument, however wrong what it is given is."""
        token = secrets.token_hex(16)
        with self.besieged(test_auth.section("alice", self.alice)) as (broker, honest):
            secret = self.alice[1].decode()
            certificate = (f'metadata\ncurve\n    public-key = "{self.alice[0].decode()}"\n    secret-key = "{secret}"\n')
            self.users(certificate, "alice_secret")
            self.users(certificate, "open_secret", 0o644)
            self.users(f"oops {secret}\n", "broken_secret")
            self.users(token + "\n", "token")
            self.users(token + "\n" + token + "\x1b\n", "token-twice")
            self.users(token + "\n", "token-open", 0o644)
            key = ("--server-key", self.public.decode())
            for arguments in (["--certificate", self.path("alice"), *key, "rooms"], ["--certificate", self.path("open"), *key, "rooms"],
                              ["--certificate", self.path("broken"), *key, "rooms"],
                              ["--certificate", self.path("alice"), "--server-key", self.alice[0].decode(), "--timeout", "1", "rooms"],
                              ["--user", "alice", "--token-file", self.path("token"), "rooms"],
                              ["--user", "alice", "--token-file", self.path("token-twice"), "rooms"],
                              ["--user", "alice", "--token-file", self.path("token-open"), "rooms"]):
                with self.subTest(arguments):
                    program = self.zrelay(broker, "-v", *arguments)
                    with open(f"/proc/{program.process.pid}/cmdline", "rb") as file:
                        argv = file.read()
                    # Some of these try for ever, as they should: what they say first is enough.
                    wait_for(lambda: program.process.poll() is not None or program.errors() or program.text(), "it to say something")
                    program.signal(signal.SIGTERM)
                    program.finish()
                    for hidden in (token, secret):
                        self.assertNotIn(hidden.encode(), argv + bytes(program.out) + bytes(program.err))
            for program, arguments in ((ZRELAY, ["--help"]), (ZRELAYD, ["--help"]), (ZRELAY, ["keygen", self.path("made")])):
                done = Program([program, *arguments], env=self.environment)
                self.addCleanup(done.end)
                self.assertEqual(done.finish(), 0)
                for word in ("SECRET", "secret-key ="):
                    self.assertNotIn(word, done.text() + done.errors())
            with open(self.path("made_secret"), encoding="utf-8") as file:
                made = re.search(r'secret-key = "(.*)"', file.read())[1]
            self.assertNotIn(made, done.text() + done.errors())
            honest.check()


if __name__ == "__main__":
    unittest.main()
