"""Logins with users and tokens: which are right, how slow wrong ones get, and how long the others wait."""
import json
import re
import secrets
import signal
import subprocess
import time
import unittest

from harness import ZRELAYD, wait_for
from test_auth import ADMIN, FAST, AuthCase, section


class Tokens(AuthCase):
    def hash(self, token):
        return subprocess.run([ZRELAYD, "--hash-token"], input=token.encode(), capture_output=True, check=True).stdout.decode().strip()

    def login(self, endpoint, user, token, **options):
        peer = self.peer(endpoint, hello=False, **options)
        return peer, peer.hello(user=user, token=token)

    def test_login(self):
        token = secrets.token_hex(16)
        users = self.users(section("alice", self.alice, tokens=[self.hash(token)]) + section("bob", self.bob) + section("anonymous"))
        broker = self.broker("--users", users, "--listen", "tcp://127.0.0.1:*", "--listen", f"ipc://{self.path('front')}",
                             config=FAST + "auth\n    tokens = 1\n")
        alice, welcome = self.login(broker.server, "alice", token)
        self.assertEqual((welcome["op"], welcome["user"], welcome["nick"]), ("welcome", "alice", "alice"))
        self.assertEqual(self.login(broker.listen[1], "alice", token)[1]["op"], "welcome")
        self.assertEqual(self.login(broker.server, "bob", token)[1]["code"], "login-failed")
        self.assertEqual(self.login(broker.server, "nobody", token)[1]["code"], "login-failed")
        for line in ("alice from this machine: ok", "bob from this machine: refused, wrong token",
                     "nobody from this machine: refused, no such user"):
            broker.wait_err("audit login of " + line)
        self.assertEqual(self.peer(broker, "guest").welcome["nick"], "guest")
        # Resuming takes the session's own token.
        back = self.peer(broker.server, hello=False, client=alice.client)
        self.assertTrue(back.hello(user="alice", token="wrong", resume=welcome["resume"])["resumed"])

    def many(self, count, seconds=0):
        """A broker with so many users, whose tokens together take it about so long to check; the token."""
        token, began = secrets.token_hex(16), time.monotonic()
        hashed = self.hash(token)
        each = seconds / count / (time.monotonic() - began)
        self.users("".join(section(f"u{number}", tokens=[hashed] * max(1, min(4, round(each)))) for number in range(count)))
        return self.broker("--users", self.path("users"), config="auth\n    tokens = 1\n"), token

    def reader(self, broker, user, token, *arguments):
        return self.zrelay(broker, "--user", user, "--verbose", *arguments, "sub", "r", env={**self.environment, "ZRELAY_TOKEN": token})

    def test_many_at_once_are_all_let_in(self):
        """Checking all tokens takes longer than a client waits for its hello. After a restart too."""
        count = 24
        broker, token = self.many(count, 10)
        readers = [self.reader(broker, f"u{number}", token) for number in range(count)]
        for reader in readers:
            reader.wait_err("connected as u")
        self.assertTrue(any("connected, login queued, " in reader.errors() for reader in readers))
        broker = self.restart(broker, "--users", self.path("users"), config="auth\n    tokens = 1\n")
        for reader in readers:
            reader.wait_err("(?s)connected as u.*connected as u")
        broker.signal(signal.SIGTERM)
        broker.finish()
        self.assertRegex(broker.errors(), r"logins_failed 0, logins_slowed 0")

    def test_one_user_many_times_at_once(self):
        """What was checked is not checked again."""
        broker, token = self.many(1)
        peers = [self.peer(broker, hello=False) for _ in range(200)]
        for peer in peers:
            peer.send(json.dumps({"op": "hello", "proto": 1, "client": peer.client, "user": "u0", "token": token}).encode())
        for peer in peers:
            self.assertEqual(peer.control()["op"], "welcome")
        broker.wait_err("login of u0 from this machine: ok, the token was checked before")
        self.users(section("u0"))
        broker.signal(signal.SIGHUP)
        for peer in peers:
            self.assertEqual(peer.control(), {"op": "bye", "reason": "revoked"})
        self.assertEqual(self.login(broker.server, "u0", token)[1]["code"], "login-failed")

    def test_patience(self):
        """A time that the person set holds, and the text says what is the matter."""
        broker, token = self.many(16, 5)
        broker_busy = [self.peer(broker, hello=False) for _ in range(16)]
        for number, peer in enumerate(broker_busy):
            peer.send(json.dumps({"op": "hello", "proto": 1, "client": peer.client, "user": f"u{number}", "token": "wrong"}).encode())
        late = self.reader(broker, "u1", token, "--connect-timeout", "2")
        self.assertEqual(late.finish(), 2)
        self.assertIn("connected to the broker", late.errors())
        self.assertIn("login queued", late.errors())
        self.assertNotIn("is zrelayd running", late.errors())

    def test_guesses_are_slowed(self):
        token = secrets.token_hex(16)
        users = self.users(section("alice", tokens=[self.hash(token)]))
        broker = self.broker("--users", users, config=FAST + "auth\n    tokens = 1\n")
        self.assertEqual(self.login(broker.server, "alice", "guess")[1]["code"], "login-failed")

        def guess():
            answer = self.login(broker.server, "alice", "guess")[1]
            self.assertIn(answer["code"], ("login-failed", "rate-limited"))
            return answer["code"] == "rate-limited" and answer
        self.assertGreater(wait_for(guess, "a guess that has to wait")["wait"], 0)
        wait_for(lambda: self.login(broker.server, "alice", token)[1]["op"] == "welcome", "the right one, in time")
        broker.signal(signal.SIGTERM)
        broker.finish()
        self.assertRegex(broker.errors(), r"logins_failed [1-9]\d*, logins_slowed [1-9]")

    def test_only_where_they_are_taken(self):
        token = secrets.token_hex(16)
        text = section("alice", self.alice, tokens=[self.hash(token)]) + section("bob", self.bob)
        off = self.broker("--users", self.users(text + section("anonymous")), config=FAST)
        self.assertEqual(self.login(off.server, "alice", token)[1]["code"], "login-failed")
        # Nor on an encrypted listener: a client there has a user already.
        broker = self.encrypted(text, more="    tokens = 1\n")
        self.assertEqual(self.login(broker.server, "alice", token, curve=(self.public, *self.bob))[1]["code"], "login-failed")
        # Others must not read what they could guess tokens by.
        self.assertIn("chmod", self.refused("--listen", "tcp://127.0.0.1:*", "--users", self.users(text, "readable", 0o644)))

    def test_a_lost_token_ends_its_sessions(self):
        token = secrets.token_hex(16)
        users = self.users(section("alice", self.alice, tokens=[self.hash(token)]))
        broker = self.broker("--users", users, config=FAST + "auth\n    tokens = 1\n")
        alice, _welcome = self.login(broker.server, "alice", token)
        self.users(section("alice", self.alice))
        broker.signal(signal.SIGHUP)
        self.assertEqual(alice.control(), {"op": "bye", "reason": "revoked"})

    def test_secrets_are_in_no_output(self):
        token, wrong = secrets.token_hex(16), secrets.token_hex(16)
        hashed = self.hash(token)
        with open(self.key, encoding="ascii") as file:
            server_secret = re.search(r'secret-key = "(.*)"', file.read())[1]
        text = section("alice", self.alice, rules=ADMIN, tokens=[hashed]) + section("bob", self.bob)
        broker = self.broker("--users", self.users(text), "--server-key", self.key, "--log-level", "debug", "--listen",
                             "tcp://127.0.0.1:*", "--listen", "tcp://0.0.0.0:*", config=FAST + "auth\n    tokens = 1\n")
        local, welcome = self.login(broker.server, "alice", token)
        self.assertEqual(welcome["op"], "welcome")
        self.login(broker.server, "alice", wrong)
        remote = self.keyed(broker, self.alice, broker.listen[1].replace("0.0.0.0", "127.0.0.1"))
        for do, members in (("ban", {"user": "bob"}), ("unban", {"user": "bob"}), ("reload", {}), ("bans", {})):
            self.assertEqual(remote.ask(op="admin", do=do, **members)["op"], "ok")
        self.users(text + f"    token = {token}\n")  # a token where its hash belongs
        self.assertEqual(remote.ask(op="admin", do="reload")["code"], "admin-failed")
        local.send(b'{"op":"hello","proto":1,"client":1,"token":"%s"}' % token.encode())
        local.control()
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0)
        printed = broker.text() + broker.errors()
        self.assertIn("audit", printed)
        self.assertIn("debug", printed)
        usage = subprocess.run([ZRELAYD, "--help"], capture_output=True, text=True, check=True).stdout
        for secret in (token, wrong, hashed, server_secret, self.alice[1].decode(), self.bob[1].decode(), welcome["resume"]):
            self.assertNotIn(secret, printed)
            self.assertNotIn(secret, usage)


if __name__ == "__main__":
    unittest.main()
