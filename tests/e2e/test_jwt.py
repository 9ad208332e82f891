"""Logins that an application signed (JWT): whom the broker lets in, with which rights, and for how long."""
import json
import os
import signal
import subprocess
import time
import unittest

import jwt
from cryptography.hazmat.primitives import serialization
from harness import ZRELAYD, TestCase, deliver_entries, publish_frame, wait_for

FAST = "server\n    heartbeat = 1000\n    tick = 20\n"
ROLES = """role
    name = member
    jwt = 1
    allow = "all : *"
    deny = "all : staff/*"
role
    name = staff
    jwt = 1
    allow = "all : *"
role
    name = operator
    allow = "all : *"
    allow = "admin : *"
"""


class JwtCase(TestCase):
    def start(self, *keys, users=ROLES, more=""):
        """A broker that takes the JWTs of these keys."""
        self.put_keys(*keys)
        self.config = FAST + f"auth\n    users = {self.users(users)}\n    jwt-keys = {self.path('keys')}\n{more}"
        return self.broker(config=self.config)

    def put_keys(self, *keys):
        path = self.file("keys.new", jwt.key_set(*keys))
        os.chmod(path, 0o600)
        os.rename(path, self.path("keys"))

    def login(self, broker, token, **members):
        peer = self.peer(broker, hello=False)
        peer.hello(token=token, **members)
        return peer

    def admitted(self, broker, token, **members):
        peer = self.login(broker, token, **members)
        self.assertEqual(peer.welcome["op"], "welcome", peer.welcome)
        return peer

    def refused(self, broker, token, text=None, **members):
        answer = self.login(broker, token, **members).welcome
        self.assertEqual((answer["op"], answer["code"]), ("error", "login-failed"), answer)
        if text:
            self.assertIn(text, answer["text"])


class Login(JwtCase):
    def test_each_algorithm(self):
        keys = [jwt.Key(alg, alg) for alg in ("EdDSA", "ES256", "RS256", "HS256")]
        broker = self.start(*keys)
        for number, key in enumerate(keys):
            peer = self.admitted(broker, key.token(f"user{number}"))
            self.assertEqual((peer.welcome["user"], peer.welcome["nick"]), (f"user{number}", f"user{number}"))
            self.assertEqual(peer.ask(op="publish", room="r", text="x")["op"], "ack")
            self.refused(broker, jwt.Key(key.alg, key.alg).token())  # the same name, another key
        broker.wait_err("audit login of user0 by JWT: ok")
        broker.wait_err("audit login of nobody by JWT: refused, the token's signature does not fit its key")

    def test_tokens_that_are_not_taken(self):
        """Forged, out of time, for others, or not well-formed. An honest client beside them notices nothing."""
        key, rsa = jwt.Key("EdDSA", "a"), jwt.Key("RS256", "r")
        broker = self.start(key, rsa, more="    jwt-issuer = https://app\n    jwt-audience = relay\n    jwt-leeway = 0\n")
        good = {"iss": "https://app", "aud": "relay"}
        honest = self.admitted(broker, key.token("honest", **good))
        head, claims, signature = key.token(**good).split(".")
        none = jwt.encoded(json.dumps({"alg": "none", "kid": "a"}).encode())
        # HS256 with the public key of RS256 as its secret, in the forms that libraries confuse it with
        confused = jwt.Key("HS256", "r")
        pem = rsa.secret.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        tokens = [f"{none}.{claims}.", f"{none}.{claims}.{signature}", f"{head}.{claims}.", f"{head}..{signature}",
                  f"{head}.{claims}.{signature[:-2]}", f"{head}.{claims}.{'A' * 86}", key.token(header={"kid": "other"}, **good),
                  key.token(header={"alg": "none"}, **good), key.token(header={"alg": "HS256"}, **good),
                  key.token(header={"crit": ["exp"]}, **good), key.token(header={"kid": None}, **good)]
        for secret in (pem, pem.strip(), jwt.number(rsa.secret.public_key().public_numbers().n).encode()):
            confused.secret = secret
            tokens += [confused.token(**good), confused.token(header={"alg": "RS256"}, **good)]
        for token in tokens:
            self.refused(broker, token, "unknown user, wrong token")
        for text, token in (("expired", key.token(seconds=-1, **good)), ("not valid yet", key.token(nbf=int(time.time()) + 60, **good)),
                            ("audience", key.token(iss="https://app")), ("audience", key.token(iss="https://app", aud=["x"])),
                            ("issuer", key.token(aud="relay")), ("exp is missing", key.token(exp=None, **good)),
                            ("sub", key.token("a b", **good)), ("sub", key.token(None, **good)), ("roles", key.token(roles=[], **good)),
                            ("claims", key.raw('{"sub":"carol","sub":"dave","exp":9999999999,"roles":["member"]}')),
                            ("claims", key.raw('{"x":' + "[" * 20 + "]" * 20 + "}")), ("claims", key.raw("[1]")),
                            ("claims", key.raw("{" + '"x":1,' * 300 + "}"))):
            self.refused(broker, token, text)
        self.refused(broker, key.token("dave", **good), user="carol")
        self.assertEqual(self.login(broker, key.token(fill="x" * 5000, **good)).welcome["code"], "bad-member")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")
        self.assertNotIn("carol", broker.errors().replace("login of carol by JWT: refused", ""))  # nobody came in so

    def test_roles(self):
        key = jwt.Key("EdDSA", "a")
        broker = self.start(key, users=ROLES + "user\n    name = ann\n    role = operator\n")
        member, staff = self.admitted(broker, key.token("carol")), self.admitted(broker, key.token("dave", ["staff"]))
        self.assertEqual(member.ask(op="join", room="staff/plans")["code"], "forbidden")
        self.assertTrue(staff.ask(op="join", room="staff/plans")["private"])
        self.assertEqual(staff.ask(op="publish", room="staff/plans", text="secret")["op"], "ack")
        self.assertEqual(member.ask(op="replay", room="staff/plans", after=0)["code"], "forbidden")
        for sub, roles in (("eve", ["operator"]), ("eve", ["member", "none"]), ("ann", ["member"]), ("Ann", ["member"]), ("admin", ["member"])):
            self.refused(broker, key.token(sub, roles))
        broker.wait_err("refused, the token names a role that the users file does not have, or has without jwt = 1")
        broker.wait_err("login of ann by JWT: refused, the token's sub is the name of a user of the users file")

    def test_a_room_that_a_role_may_not_read_is_never_on_the_back(self):
        key = jwt.Key("EdDSA", "a")
        broker = self.start(key)
        staff, thief = self.admitted(broker, key.token("dave", ["staff"])), self.admitted(broker, key.token("carol"))
        thief.subscribe(b"staff/plans\0", b"")
        staff.ask(op="join", room="staff/plans")
        for number in range(100):
            staff.send(publish_frame("staff/plans", (number + 1, b"secret")))
        got = 0
        while got < 100:
            frame = staff.receive()
            got += len(deliver_entries(frame)[3]) if frame.startswith(b"staff/plans\0") else 0
        nonce = b"\xff0123456789"
        thief.sub.subscribe(nonce)
        frame = b""
        while not frame.startswith(nonce):  # what came before it was sent before it
            frame = thief.live()
            self.assertNotIn(b"staff", frame)
            self.assertNotIn(b"secret", frame)


class Life(JwtCase):
    def test_the_session_ends_with_the_token_and_goes_on_with_a_new_one(self):
        key = jwt.Key("ES256", "a")
        broker = self.start(key, more="    jwt-leeway = 0\n")
        short, long = self.admitted(broker, key.token("carol", seconds=3)), self.admitted(broker, key.token("dave"))
        renewed = self.admitted(broker, key.token("erin", seconds=3))
        self.assertEqual(renewed.ask(op="join", room="r")["op"], "joined")
        welcome = renewed.hello(token=key.token("erin"))
        self.assertEqual((welcome["op"], welcome["resumed"]), ("welcome", True))
        self.assertEqual({"op": "bye", "reason": "token-expired"}, self.last(short))
        self.assertEqual(short.ask(op="ping")["code"], "no-session")
        short.hello(token=key.token("carol"))  # on the same connection
        self.assertEqual(short.welcome["op"], "welcome")
        for peer in (long, renewed):
            self.assertEqual(peer.ask(op="ping")["op"], "pong")

    def last(self, peer):
        """Pings until a frame comes that is no pong."""
        def look():
            peer.send(b'{"op":"ping"}')
            answer = peer.control()
            return answer if answer["op"] != "pong" else None
        return wait_for(look, "the end of a session")

    def test_keys_are_rotated_by_a_reload(self):
        old, new = jwt.Key("EdDSA", "2026-11"), jwt.Key("EdDSA", "2026-12")
        broker = self.start(old)
        first = self.admitted(broker, old.token("carol"))
        self.refused(broker, new.token("dave"))
        self.put_keys(old, new)
        broker.signal(signal.SIGHUP)
        broker.wait_err("reload by SIGHUP: .* 2 keys of JWTs")
        second = self.admitted(broker, new.token("dave"))
        self.assertEqual(first.ask(op="ping")["op"], "pong")
        self.file("keys", "{}")
        broker.signal(signal.SIGHUP)
        broker.wait_err("reload by SIGHUP failed, nothing changed: .*keys: key 1: alg is missing")
        self.put_keys(new)
        broker.signal(signal.SIGHUP)
        broker.wait_err("reload by SIGHUP: .* 1 key of JWTs")
        self.assertEqual(first.control(), {"op": "bye", "reason": "revoked"})
        self.refused(broker, old.token("carol"))
        self.assertEqual(second.ask(op="ping")["op"], "pong")

    def test_bans(self):
        key = jwt.Key("EdDSA", "a")
        made = subprocess.run([ZRELAYD, "--hash-token"], input=b"secret", capture_output=True, check=True).stdout.decode().strip()
        users = ROLES + f'user\n    name = ann\n    role = operator\n    token = "{made}"\n'
        broker = self.start(key, users=users, more="    tokens = 1\n")
        carol, operator = self.admitted(broker, key.token("carol")), self.admitted(broker, "secret", user="ann")
        self.assertEqual(operator.ask(op="admin", do="ban", user="carol", reason="spam")["op"], "ok")
        self.assertEqual(carol.control(), {"op": "bye", "reason": "banned"})
        self.refused(broker, key.token("carol"))
        broker = self.restart(broker, config=self.config)
        self.refused(broker, key.token("carol"))
        operator = self.admitted(broker, "secret", user="ann")
        self.assertEqual(operator.ask(op="admin", do="unban", user="carol")["op"], "ok")
        self.admitted(broker, key.token("carol"))


class CommandLine(JwtCase):
    def test_the_token_needs_no_user(self):
        key = jwt.Key("EdDSA", "a")
        broker = self.start(key)
        self.environment["ZRELAY_TOKEN"] = key.token("carol")
        self.run_zrelay(broker, "pub", "lobby", "hello")
        token = self.file("token", key.token("dave") + "\n")
        os.chmod(token, 0o600)
        del self.environment["ZRELAY_TOKEN"]
        self.assertEqual(self.run_zrelay(broker, "--token-file", token, "history", "lobby", "--format", "%n %b").lines(), [b"carol hello"])
        self.run_zrelay(broker, "--token-file", token, "--user", "dave", "rooms")
        self.assertIn("login-failed", self.run_zrelay(broker, "--token-file", token, "--user", "carol", "rooms", code=3).errors())
        self.assertIn("login-required", self.run_zrelay(broker, "rooms", code=3).errors())
        self.environment["ZRELAY_TOKEN"] = key.token("carol", seconds=-600)
        self.assertIn("the token has expired", self.run_zrelay(broker, "rooms", code=3).errors())

    def test_a_reader_ends_with_its_token(self):
        key = jwt.Key("EdDSA", "a")
        broker = self.start(key, more="    jwt-leeway = 0\n")
        self.environment["ZRELAY_TOKEN"] = key.token("carol", seconds=3)
        reader = self.zrelay(broker, "sub", "lobby")
        reader.wait_err("your login has expired")
        self.assertEqual(reader.finish(), 3)


    def test_a_reader_goes_on_with_the_new_token_of_its_file(self):
        key = jwt.Key("EdDSA", "a")
        broker = self.start(key, more="    jwt-leeway = 0\n")
        path = self.file("token", key.token("carol", seconds=6) + "\n")
        os.chmod(path, 0o600)
        reader = self.zrelay(broker, "--token-file", path, "sub", "lobby", "--all")
        dave = self.admitted(broker, key.token("dave"))
        wait_for(lambda: dave.ask(op="rooms", prefix="lobby")["rooms"], "the reader in its room")
        fresh = self.file("fresh", key.token("carol", seconds=3600) + "\n")
        os.chmod(fresh, 0o600)
        os.rename(fresh, path)
        reader.wait_err("your login has expired")
        self.environment["ZRELAY_TOKEN"] = key.token("dave")
        self.run_zrelay(broker, "pub", "lobby", "after")
        reader.wait_out("after$")


class Start(JwtCase):
    def check(self, config):
        return subprocess.run([ZRELAYD, "--check-config", "--config", self.file("z.conf", config)], capture_output=True, text=True)

    def test_check_config_reads_the_keys(self):
        self.put_keys(jwt.Key("RS256", "a"))
        config = f"auth\n    users = {self.users(ROLES)}\n    jwt-keys = keys\n"
        self.assertIn("the keys of JWTs in", self.check(config).stdout)
        self.file("keys", '{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"c2hvcnQ"}]}')
        found = self.check(config)
        self.assertEqual(found.returncode, 1)
        self.assertIn("key 1: its bytes are missing, no base64url or of the wrong length", found.stderr)
        self.file("keys", jwt.key_set(jwt.Key("HS256", "a")))
        os.chmod(self.path("keys"), 0o644)
        self.assertIn("chmod 640", self.check(config).stderr)
        os.unlink(self.path("keys"))
        self.assertIn("No such file", self.check(config).stderr)
        self.assertIn("jwt-keys needs a users file", self.check("auth\n    jwt-keys = keys\n").stderr)


if __name__ == "__main__":
    unittest.main()
