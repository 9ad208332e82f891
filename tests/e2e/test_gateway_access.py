"""Rights of users that come over the gateway's WebSockets, and the gateway's own connection to the broker."""
import base64
import json
import os
import re
import secrets
import signal
import subprocess

from gateway_case import BINARY, TEXT, GatewayCase
from harness import ZRELAY, ZRELAYD, deliver_entries, publish_frame, wait_for

EVERYTHING = '    allow = "all : *"\n'
NO_STAFF = EVERYTHING + '    deny = "read write : staff/*"\n'


class AccessCase(GatewayCase):
    def tokens(self, **rules):
        """A users file with these users and the gateway's; returns their tokens."""
        text, tokens = "", {name: secrets.token_hex(16) for name in (*rules, "web")}
        for name, rule in (*rules.items(), ("web", '    allow = "gateway : *"\n')):
            made = subprocess.run([ZRELAYD, "--hash-token"], input=tokens[name].encode(), capture_output=True, check=True).stdout.decode()
            text += f'user\n    name = {name}\n    token = "{made.strip()}"\n' + rule
        self.text = text
        self.users(text)
        return tokens

    def secured(self, *arguments, **rules):
        tokens = self.tokens(**rules)
        broker = self.broker("--users", self.path("users"), config="auth\n    tokens = 1\n")
        file = self.file("web-token", tokens["web"])
        os.chmod(file, 0o600)
        return broker, self.gateway(broker, *arguments, config=f"broker\n    user = web\n    token-file = {file}\n"), tokens

    def change(self, broker, old, new):
        """Another users file, in force."""
        self.assertRegex(self.text, old)
        self.text = re.sub(old, new, self.text)
        self.users(self.text)
        broker.signal(signal.SIGHUP)


class Rights(AccessCase):
    def test_without_a_login_nobody_comes_in(self):
        _, gateway, tokens = self.secured(ann=EVERYTHING)
        raw = self.raw(gateway)
        raw.upgrade("/v1/ws")
        raw.say(op="hello", id=1)
        self.assertEqual(raw.hear("error")["code"], "login-required")
        raw.say(op="hello", id=2, user="ann", token="wrong")
        self.assertEqual(raw.hear("error")["code"], "login-failed")
        plain = self.raw(gateway)
        plain.upgrade("/v1/rooms/r/ws")
        code, reason = plain.close_code()
        self.assertEqual((code, reason.split(":")[0]), (1008, "login-required"))

    def test_a_plain_room_takes_basic(self):
        _, gateway, tokens = self.secured(ann=EVERYTHING)
        raw = self.raw(gateway)
        login = base64.b64encode(f"ann:{tokens['ann']}".encode()).decode()
        self.assertEqual(raw.upgrade("/v1/rooms/r/ws?format=nick", f"Authorization: Basic {login}")[0], 101)
        raw.frame(TEXT, b"hello")
        self.assertEqual(raw.read_until(TEXT), b"ann: hello")
        raw = self.raw(gateway)
        self.assertEqual(raw.upgrade("/v1/rooms/r/ws", "Authorization: Basic !")[0], 400)

    def test_a_token_does_not_travel_in_the_clear(self):
        _, gateway, tokens = self.secured("--trusted-proxy", "127.0.0.1", ann=EVERYTHING)
        for proto, heard in (("http", "error"), ("https", "welcome")):
            raw = self.raw(gateway)
            raw.upgrade("/v1/ws", "X-Forwarded-For: 203.0.113.7", f"X-Forwarded-Proto: {proto}")
            raw.say(op="hello", user="ann", token=tokens["ann"])
            raw.hear(heard)

    def test_a_thief_hears_nothing_of_a_private_room(self):
        broker, gateway, tokens = self.secured(ann=EVERYTHING, bob=NO_STAFF)
        ann = self.browser(gateway, subprotocol="zrelay.v1", user="ann", token=tokens["ann"])
        thieves = []
        for kind in ("zrelay.v1", "zrelay.v1.json"):
            thief = self.browser(gateway, subprotocol=kind, user="bob", token=tokens["bob"])
            thief.say(op="subscribe", id=1, rooms=["staff/plans"], presence=True)
            thief.hear("subscribed")
            thief.say(op="subscribe", id=2, prefixes=["", "staff/"], presence=True)
            thief.hear("subscribed")
            thief.say(op="follow", id=3, prefix="staff/", presence=True)
            thief.say(op="follow", id=4, prefix="", presence=True)
            thief.say(op="join", id=5, room="staff/plans")
            self.assertEqual(thief.hear("error")["code"], "forbidden")
            for request in ({"op": "replay", "after": 0}, {"op": "state"}, {"op": "who"}, {"op": "joined", "seq": 0}):
                thief.say(id=6, room="staff/plans", **request)
            thieves.append(thief)
        ann.say(op="subscribe", id=1, rooms=["staff/plans"], presence=True)
        ann.hear("subscribed")
        ann.say(op="join", id=2, room="staff/plans")
        self.assertTrue(ann.hear("joined")["private"])
        for first in range(1, 10001, 100):
            ann.frame(BINARY, publish_frame("staff/plans", *((mid, b"stolen goods") for mid in range(first, first + 100))))
        count = 0
        while count < 10000:
            frame = ann.read_until(BINARY)
            count += len(deliver_entries(frame)[3]) if frame[0] != 2 else 0
        ann.frame(BINARY, publish_frame("open", (10001, b"the end")))
        for thief in thieves:
            seen = b""
            while b"the end" not in seen and b"the end" not in thief.buffer:
                seen += thief.read()[1]
            self.assertNotIn(b"stolen", seen)

    def test_a_right_that_is_taken(self):
        broker, gateway, tokens = self.secured(ann=EVERYTHING, bob=EVERYTHING)
        ann, bob = (self.browser(gateway, user=name, token=tokens[name]) for name in ("ann", "bob"))
        bob.say(op="join", id=1, room="plans")
        bob.hear("joined")
        plain = self.raw(gateway)
        login = base64.b64encode(f"bob:{tokens['bob']}".encode()).decode()
        plain.upgrade("/v1/rooms/plans/ws", f"Authorization: Basic {login}")
        plain.frame(TEXT, b"here")
        self.assertEqual(plain.read_until(TEXT), b"here")
        self.change(broker, r'(name = bob\n.*\n    allow = "all : )\*"', r'\1other/*"')
        self.assertEqual(bob.hear("left")["reason"], "revoked")
        self.assertEqual(plain.close_code(), (1008, "left: the right to read the room was taken"))
        ann.say(op="publish", id=1, room="plans", text="secret")
        ann.hear("ack")
        bob.say(op="ping", id=9)
        while (message := json.loads(bob.read_until(TEXT))).get("re") != 9:
            self.assertNotEqual(message["op"], "entries")

    def test_a_user_that_is_removed_is_sent_away(self):
        broker, gateway, tokens = self.secured(ann=EVERYTHING, bob=EVERYTHING)
        bob = self.browser(gateway, user="bob", token=tokens["bob"])
        ann = self.browser(gateway, user="ann", token=tokens["ann"])
        self.change(broker, r"user\n    name = bob\n.*\n.*\n", "")
        self.assertEqual(bob.hear("bye")["reason"], "revoked")
        self.assertEqual(bob.close_code(), (1008, "revoked"))
        ann.say(op="ping", id=1)
        ann.hear("pong")

    def test_a_gateway_without_the_right(self):
        tokens = self.tokens(ann=EVERYTHING)
        broker = self.broker("--users", self.path("users"), config="auth\n    tokens = 1\n")
        file = self.file("ann-token", tokens["ann"])
        os.chmod(file, 0o600)
        gateway = self.gateway(broker, config=f"broker\n    user = ann\n    token-file = {file}\n")
        raw = self.raw(gateway)
        raw.upgrade("/v1/ws")
        gateway.wait_err("lacks the right 'gateway'")


class Encrypted(AccessCase):
    def test_the_connection_to_the_broker(self):
        key, public = self.server_key()
        own = self.path("web")
        made = subprocess.run([ZRELAY, "keygen", own], capture_output=True, check=True, env=self.environment)
        web = made.stdout.decode().strip()
        self.users(f'user\n    name = web\n    key = "{web}"\n    allow = "gateway : *"\n')
        broker = self.broker("--users", self.path("users"), "--server-key", key, config="auth\n    encrypt = all\n")
        right = f'broker\n    server-key = "{public.decode()}"\n    certificate = web_secret\n'
        gateway = self.gateway(broker, config=right)
        raw = self.raw(gateway)
        raw.upgrade("/v1/ws")
        raw.say(op="hello", id=1)
        self.assertEqual(raw.hear("error")["code"], "login-required")
        _, other = self.server_key()
        wrong = self.gateway(broker, config=right.replace(public.decode(), other.decode()), wait=False)
        wrong.wait_err("ended before it was encrypted")
        clear = self.gateway(broker, wait=False)
        clear.wait_err("away")
        self.users('user\n    name = web\n    key = "H)CVZZ/]1Cbu4*gx2$kkmH+I?06P$ff?RFpZ4NBf"\n    allow = "gateway : *"\n')
        broker.signal(signal.SIGHUP)
        gateway.wait_err("refused the gateway's key")
        wait_for(lambda: self.get(gateway, "/healthz")[0] == 503, "the gateway to say so")
