"""Which clients may come in, and how they are sent away: keys, users, bans, tokens. And files that a broker refuses to start with."""
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import unittest

import zmq

from harness import DEADLINE, ZRELAYD, Program, TestCase, deliver_entries, publish_frame, wait_for

FAST = "server\n    heartbeat = 60000\n    tick = 20\n"
EVERYTHING = '    allow = "all : *"\n'
ADMIN = '    allow = "all : *"\n    allow = "admin : *"\n'


def section(name, *keys, rules=EVERYTHING, tokens=()):
    """A user of a users file. Each of `keys` is a pair, of which the file gets the public one."""
    text = f"user\n    name = {name}\n"
    for public, _secret in keys:
        text += f'    key = "{public.decode()}"\n'
    for token in tokens:
        text += f'    token = "{token}"\n'
    return text + rules


# A ZMTP connection by hand (RFC 23).
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)


def ready(*properties, kind=b"DEALER"):
    body = b"\x05READY"
    for name, value in ((b"Socket-Type", kind), *properties):
        body += bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value
    return bytes([4, len(body)]) + body


def message(**members):
    body = json.dumps(members).encode()
    return bytes([0, len(body)]) + body


def talk(one, data, until):
    """Sends and reads until that came; returns what did. None: the connection ended first, or it did not come in time."""
    one.settimeout(DEADLINE)
    try:
        one.sendall(data)
        got = b""
        while until not in got:
            more = one.recv(65536)
            if not more:
                return None
            got += more
        return got
    except OSError:
        return None
    finally:
        one.settimeout(None)


class AuthCase(TestCase):
    def setUp(self):
        super().setUp()
        self.key, self.public = self.server_key()
        self.alice, self.bob, self.stranger = (zmq.curve_keypair() for _ in range(3))
        self.brokers = []

    def broker(self, *arguments, **options):
        broker = super().broker(*arguments, **options)
        self.brokers.append(broker)
        return broker

    def encrypted(self, users, head=FAST, more=""):
        """A broker that encrypts everything, with this text as its users file."""
        return self.broker("--users", self.users(users), "--server-key", self.key, config=head + "auth\n    encrypt = all\n" + more)

    def keyed(self, broker, keys, endpoint=None, **options):
        """A peer that comes with these keys, and watches what happens."""
        return self.peer(endpoint or broker.server, curve=(self.public, *keys), watch=True, **options)

    def refused(self, *arguments, config=None):
        """Runs zrelayd, which must refuse to start and say why, a line for each fault; returns the lines."""
        if config is not None:
            arguments = [*arguments, "--config", self.file("refused.conf", config)]
        program = Program([ZRELAYD, *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), 1, program.text())
        self.assertEqual(program.text(), "")
        self.assertRegex(program.errors(), r"\A(zrelayd: [^\n]+\n)+\Z")
        return program.errors()

    def admitted(self, broker, keys):
        """Whether the handshake of these keys succeeds, at the front and at the back."""
        found = set()
        for endpoint, kind in ((broker.server, zmq.DEALER), (broker.back, zmq.SUB)):
            peer = self.keyed(broker, keys, endpoint, kind=kind, hello=False)
            found.add(peer.event(peer.front)[0])
            peer.close()
        self.assertIn(found, ({"handshake_succeeded"}, {"handshake_failed_auth"}))
        return found == {"handshake_succeeded"}


class Start(AuthCase):
    def test_other_files_that_are_not_right(self):
        users = self.users(section("alice", self.alice))
        common = ["--listen", "tcp://0.0.0.0:*", "--users", users]
        os.chmod(self.key, 0o644)
        self.assertIn("chmod", self.refused(*common, "--server-key", self.key))
        os.chmod(self.key, 0o600)
        # The public file is none to start with.
        self.assertIn("secret", self.refused(*common, "--server-key", self.key.removesuffix("_secret")))
        self.assertIn(self.path("no"), self.refused(*common, "--server-key", self.path("no")))
        self.users("alice\n", "users.bans")
        common += ["--server-key", self.key]
        self.assertIn("users.bans:1", self.refused(*common))
        self.users("", "users.bans", 0o666)
        self.assertIn("users.bans", self.refused(*common))
        # Where there should be bans, and none can be seen.
        os.unlink(self.path("users.bans"))
        os.symlink(self.path("elsewhere"), self.path("users.bans"))
        self.assertIn("users.bans", self.refused(*common))
        nowhere = self.path("nowhere/bans")
        self.assertIn(nowhere, self.refused(*common, config=f"auth\n    bans = {nowhere}\n"))

    def test_check_config_reads_what_it_names(self):
        users = self.users(section("alice", self.alice))
        config = self.file("whole.conf", f"auth\n    users = {users}\n    server-key = {self.key}\n    encrypt = all\n")
        check = lambda: subprocess.run([ZRELAYD, "--config", config, "--check-config"], capture_output=True, text=True)
        done = check()
        self.assertEqual((done.returncode, done.stdout.splitlines()[:2]),
                         (0, [f"{config}, the users in {users}, the key in {self.key}: ok", "other than the defaults:"]))
        self.users("user\n")
        self.assertIn(f"{users}:1", check().stderr)
        self.users("")
        self.assertIn("nobody could come in", self.refused("--check-config", config=f"auth\n    users = {users}\n"))
        self.assertFalse(os.path.exists(f"{users}.bans"))  # a check writes nothing
        os.chmod(self.key, 0o644)
        self.assertIn(self.key, check().stderr)
        self.assertEqual(check().returncode, 1)

    def test_the_annotated_example(self):
        with open(os.path.join(os.path.dirname(__file__), "../../broker/etc/users.conf"), "rb") as example:
            users = self.file("users", example.read())
        os.chmod(users, 0o600)
        config = self.file("config", f"auth\n    users = {users}\n    tokens = 1\n")
        done = subprocess.run([ZRELAYD, "--config", config, "--check-config"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_users_without_a_key_are_told_of(self):
        broker = self.encrypted(section("alice", self.alice) + section("bob"))
        broker.wait_err("nobody can log in as bob: no key\n")
        self.assertTrue(self.admitted(broker, self.alice))
        made = subprocess.run([ZRELAYD, "--hash-token"], input=b"a secret", capture_output=True, check=True)
        token = section("bob", tokens=[made.stdout.decode().rstrip("\n")])
        self.users(section("alice", self.alice) + token + section("cid") + section("dan"))
        broker.signal(signal.SIGHUP)
        broker.wait_err("reload by SIGHUP: 4 users, 1 key, 1 token, 0 bans")
        broker.wait_err("nobody can log in as cid and 1 more: no key\n")
        broker.wait_err("nobody can log in as bob: a token and no key, and tokens are not taken; auth/tokens = 1 takes them\n")

    def test_an_empty_file_lets_nobody_in(self):
        broker = self.encrypted("")
        broker.wait_err("nobody is let in")
        self.assertFalse(self.admitted(broker, self.alice))
        plain = self.broker("--users", self.users(""), config=FAST + "auth\n    tokens = 1\n")
        peer = self.peer(plain, hello=False)
        self.assertEqual(peer.hello("alice")["code"], "login-required")

    def test_keygen(self):
        self.assertEqual(os.stat(self.key).st_mode & 0o777, 0o600)
        public = self.key.removesuffix("_secret")
        with open(public, "rb") as file:
            self.assertIn(self.public, file.read())
        again = Program([ZRELAYD, "--keygen", public], stdin=subprocess.DEVNULL)
        self.addCleanup(again.end)
        self.assertEqual(again.finish(), 1)
        self.assertIn(public, again.errors())

    def test_hash_token(self):
        make = lambda token: subprocess.run([ZRELAYD, "--hash-token"], input=token, capture_output=True)
        made = make(b"correct horse\n")
        self.assertRegex(made.stdout, rb"\A\$argon2id\$[!-~]+\n\Z")
        self.assertNotEqual(made.stdout, make(b"correct horse\n").stdout)
        self.assertEqual(make(b"").returncode, 1)
        self.assertEqual(make(257 * b"t").returncode, 1)
        self.assertEqual(make(256 * b"t").returncode, 0)


class Keys(AuthCase):
    def test_a_known_key_talks_and_an_unknown_one_does_not(self):
        broker = self.encrypted(section("alice", self.alice) + section("bob", self.bob))
        alice = self.keyed(broker, self.alice)
        self.assertEqual((alice.welcome["user"], alice.welcome["nick"]), ("alice", "alice"))
        self.assertEqual(alice.welcome["back"], broker.back)
        alice.ask(op="join", room="general")
        alice.subscribe(b"general\0")
        bob = self.keyed(broker, self.bob, nick="bob")
        bob.send(publish_frame("general", (1, b"hello")))
        room, _flags, _prev, entries = deliver_entries(alice.live())
        self.assertEqual((room, entries[0][3], entries[0][5]), ("general", "bob", b"hello"))
        self.assertFalse(self.admitted(broker, self.stranger))
        broker.wait_err("audit handshake from 127.0.0.1 refused: nobody has this key, key " + re.escape(self.stranger[0].decode()))
        self.assertTrue(self.admitted(broker, self.alice))
        broker.signal(signal.SIGTERM)
        broker.finish()
        self.assertRegex(broker.errors(), r"handshakes_refused [1-9]")

    def test_the_wrong_servers_key(self):
        broker = self.encrypted(section("alice", self.alice))
        peer = self.peer(broker, curve=(self.stranger[0], *self.alice), watch=True, hello=False)
        self.assertNotEqual(peer.event(peer.front)[0], "handshake_succeeded")

    def test_a_plain_listener_beside_an_encrypted_one(self):
        # The listener that other machines can reach is encrypted; this machine reaches it too.
        broker = self.broker("--users", self.users(section("alice", self.alice) + section("anonymous")), "--server-key", self.key,
                             "--listen", "tcp://127.0.0.1:*", "--listen", "tcp://0.0.0.0:*", config=FAST)
        self.assertRegex(broker.text(), r"listening on tcp://127\.0\.0\.1:\d+ and tcp://0\.0\.0\.0:\d+ \(encrypted\), "
                                        r"back tcp://127\.0\.0\.1:\d+ and tcp://0\.0\.0\.0:\d+ \(encrypted\),")
        plain, encrypted = (one.replace("0.0.0.0", "127.0.0.1") for one in broker.listen)
        plain_back, encrypted_back = (one.replace("0.0.0.0", "127.0.0.1") for one in broker.backs)
        alice, guest = self.keyed(broker, self.alice, encrypted), self.peer(plain, "guest")
        self.assertEqual((alice.welcome["back"], guest.welcome["back"]), (encrypted_back, plain_back))
        self.assertNotIn("user", guest.welcome)
        for peer in (alice, guest):
            peer.subscribe(b"general\0")
        alice.send(publish_frame("general", (1, b"to both")))
        for peer in (alice, guest):
            self.assertEqual(deliver_entries(peer.live())[3][0][5], b"to both")
        # Each listener takes its own kind only, at the front and at the back.
        for endpoint, kind in ((plain, zmq.DEALER), (plain_back, zmq.SUB)):
            peer = self.keyed(broker, self.alice, endpoint, kind=kind, hello=False)
            self.assertNotEqual(peer.event(peer.front)[0], "handshake_succeeded", endpoint)
        for endpoint, kind in ((encrypted, zmq.DEALER), (encrypted_back, zmq.SUB)):
            peer = self.peer(endpoint, watch=True, kind=kind, hello=False)
            self.assertNotEqual(peer.event(peer.front)[0], "handshake_succeeded", endpoint)
        # A user's name is his alone.
        self.assertEqual(self.peer(plain, hello=False).hello("alice")["code"], "nick-in-use")

    def test_a_claimed_routing_id_is_refused(self):
        broker = self.broker(config=FAST)
        for claimed in (b"me", b"me-me", b"\x01" + bytes(4)):
            peer = self.peer(broker, hello=False, watch=True, routing_id=claimed)
            peer.send(json.dumps({"op": "hello", "proto": 1, "client": peer.client}).encode())
            peer.wait_gone(peer.front)
            self.assertFalse(peer.front.poll(0))
        broker.wait_err("set a routing id of its own")
        self.assertEqual(self.peer(broker, "ann").welcome["op"], "welcome")


    def test_a_user_or_address_claimed_in_the_handshake_is_not_believed(self):
        users = section("alice", self.alice) + section("anonymous", rules='    allow = "read : open"\n')
        for arguments in ([], ["--users", self.users(users)]):
            broker = self.broker(*arguments, config=FAST)
            with socket.create_connection(("127.0.0.1", int(broker.server.rsplit(":", 1)[1]))) as one:
                self.assertTrue(talk(one, GREETING, b"READY"))
                claims = ready((b"User-Id", b"alice"), (b"Peer-Address", b"192.0.2.7"), (b"__fd", b"1"))
                welcome = talk(one, claims + message(op="hello", proto=1, client=secrets.token_hex(16)), b"}}")
                self.assertIn(b'"welcome"', welcome)
                self.assertNotIn(b"alice", welcome)
                self.assertTrue(talk(one, message(op="ping"), b'"pong"'))


class Reload(AuthCase):
    def reload(self, broker, users):
        """Puts the file in place and sends SIGHUP; returns the audit line about it."""
        self.users(users)
        before = broker.errors().count("reload by SIGHUP")
        broker.signal(signal.SIGHUP)
        wait_for(lambda: broker.errors().count("reload by SIGHUP") > before, "the reload")
        return wait_for(lambda: re.findall(r"audit.*reload by SIGHUP.*\n", broker.errors())[before:], "its line")[0]

    def test_users_come_and_go(self):
        broker = self.encrypted(section("alice", self.alice))
        alice = self.keyed(broker, self.alice)
        self.assertFalse(self.admitted(broker, self.bob))
        self.reload(broker, section("alice", self.alice) + section("bob", self.bob))
        self.assertTrue(self.admitted(broker, self.bob))
        self.assertEqual(alice.ask(op="ping")["op"], "pong")
        self.reload(broker, section("bob", self.bob))
        self.assertEqual(alice.control()["reason"], "revoked")
        self.assertFalse(self.admitted(broker, self.alice))

    def test_a_file_with_an_error_changes_nothing(self):
        broker = self.encrypted(section("alice", self.alice))
        alice = self.keyed(broker, self.alice)
        line = self.reload(broker, section("bob", self.bob) + "    fly = high\n")
        self.assertIn(f"{self.path('users')}:5", line)
        self.assertIn("fly", line)
        os.remove(self.path("users"))
        broker.signal(signal.SIGHUP)
        broker.wait_err("reload by SIGHUP.*No such file")
        self.assertEqual(alice.ask(op="ping")["op"], "pong")
        self.assertTrue(self.admitted(broker, self.alice))
        self.assertFalse(self.admitted(broker, self.bob))

    def test_both_connections_of_a_removed_user_end(self):
        broker = self.encrypted(section("alice", self.alice) + section("bob", self.bob))
        alice, bob = self.keyed(broker, self.alice), self.keyed(broker, self.bob)
        for peer in (alice, bob):
            peer.subscribe(b"general\0")
        silent = self.keyed(broker, self.alice, broker.back, kind=zmq.SUB, hello=False)  # connected, and nothing else
        self.assertEqual(silent.event(silent.front)[0], "handshake_succeeded")
        self.reload(broker, section("bob", self.bob))
        self.assertEqual(alice.control(), {"op": "bye", "reason": "revoked"})
        alice.wait_gone(alice.front)
        alice.wait_gone(alice.sub)
        silent.wait_gone(silent.front)  # before it can subscribe to rooms that are open now
        self.assertEqual(bob.ask(op="ping")["op"], "pong")
        bob.send(publish_frame("general", (1, b"still here")))
        self.assertEqual(deliver_entries(bob.live())[3][0][5], b"still here")

    def test_a_lost_key_ends_what_was_made_with_it(self):
        new = zmq.curve_keypair()
        broker = self.encrypted(section("alice", self.alice) + section("bob", self.bob))
        alice, bob = self.keyed(broker, self.alice), self.keyed(broker, self.bob)
        alice.subscribe(b"general\0")
        self.reload(broker, section("alice", new) + section("bob", self.bob))
        self.assertEqual(alice.control(), {"op": "bye", "reason": "revoked"})
        broker.wait_err("audit alice lost a key or a token")
        alice.wait_gone(alice.front)
        alice.wait_gone(alice.sub)
        self.assertFalse(self.admitted(broker, self.alice))
        self.assertEqual(self.keyed(broker, new).welcome["user"], "alice")
        self.assertEqual(bob.ask(op="ping")["op"], "pong")

    def silent(self, broker):
        """A connection to the front and one to the back, let in by alice's key, that said nothing."""
        both = [self.keyed(broker, self.alice, hello=False), self.keyed(broker, self.alice, broker.back, kind=zmq.SUB, hello=False)]
        for one in both:
            self.assertEqual(one.event(one.front)[0], "handshake_succeeded")
        return both

    def assert_void(self, front, back):
        self.assertEqual(front.hello("alice")["code"], "forbidden")
        front.wait_gone(front.front)
        back.front.subscribe(b"general\0")
        back.wait_gone(back.front)

    def test_a_silent_connection_does_not_outlive_its_key(self):
        new = zmq.curve_keypair()
        broker = self.encrypted(section("alice", self.alice) + section("bob", self.bob))
        silent, bob = self.silent(broker), self.keyed(broker, self.bob)
        self.reload(broker, section("alice", new) + section("bob", self.bob))
        self.assert_void(*silent)
        self.assertEqual(self.keyed(broker, new).welcome["user"], "alice")
        self.assertEqual(bob.ask(op="ping")["op"], "pong")

    def test_nor_a_user_who_was_taken_out_and_put_in_again(self):
        broker = self.encrypted(section("alice", self.alice))
        silent = self.silent(broker)
        self.reload(broker, "")
        self.reload(broker, section("alice", self.alice))
        self.assert_void(*silent)
        later = self.silent(broker)
        self.reload(broker, section("alice", self.alice) + section("bob", self.bob))  # not about her
        self.assertEqual(later[0].hello("alice")["op"], "welcome")

    def test_nor_a_ban(self):
        broker = self.encrypted(section("alice", self.alice) + section("bob", self.bob, rules=ADMIN))
        silent, bob = self.silent(broker), self.keyed(broker, self.bob)
        for do in ("ban", "unban"):
            self.assertEqual(bob.ask(op="admin", do=do, user="alice")["op"], "ok")
        self.assert_void(*silent)

    def test_a_generation_claimed_in_the_handshake_is_not_believed(self):
        broker = self.broker("--users", self.users(section("alice", self.alice) + section("anonymous")), config=FAST)
        with socket.create_connection(("127.0.0.1", int(broker.server.rsplit(":", 1)[1]))) as one:
            self.assertTrue(talk(one, GREETING, b"READY"))
            welcome = talk(one, ready((b"X-Generation", b"99")) + message(op="hello", proto=1, client=secrets.token_hex(16)), b"}}")
            self.assertIn(b'"welcome"', welcome)

    def test_without_users_there_is_nothing_to_read(self):
        broker = self.broker(config=FAST)
        peer = self.peer(broker, "ann")
        broker.signal(signal.SIGHUP)
        broker.wait_err("SIGHUP")
        self.assertEqual(peer.ask(op="ping")["op"], "pong")
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0)


class PrivateRooms(AuthCase):
    def test_a_member_who_does_not_read_loses_frames_and_not_the_session(self):
        some = '    allow = "all : secret"\n'
        broker = self.encrypted(section("alice", self.alice, rules=some) + section("bob", self.bob, rules=some) +
                                section("carol", self.stranger, rules='    allow = "all : general"\n'),
                                more="limits\n    route-queue = 16\n    replay-frames = 8\n", head="server\n    heartbeat = 1h\n")
        alice, bob = self.keyed(broker, self.alice), self.keyed(broker, self.bob, rcvhwm=1, rcvbuf=4096)
        for peer in (alice, bob):
            self.assertTrue(peer.ask(op="join", room="secret")["private"])
        large, mids = b"x" * 500000, iter(range(1, 1000000))

        def publish(body):
            """Returns when it is acked; other frames to alice are dropped."""
            mid = next(mids)
            alice.send(publish_frame("secret", (mid, body)))
            while alice.receive()[:1] != b"\x02":
                pass
        for _ in range(100):
            publish(large)

        def reaches_bob():
            publish(b"small")
            while bob.front.poll(100):
                frame = bob.front.recv()
                if b"\0" in frame and frame.endswith(b"small"):
                    return True
            return False
        wait_for(reaches_bob, "an entry that bob has room for")
        self.assertEqual(bob.ask(op="ping")["op"], "pong")
        broker.signal(signal.SIGTERM)
        broker.finish()
        self.assertRegex(broker.errors(), r"live_dropped [1-9]")


class Administration(AuthCase):
    def setUp(self):
        super().setUp()
        self.text = section("alice", self.alice, rules=ADMIN) + section("bob", self.bob)

    def admin(self, peer, do, **members):
        return peer.ask(op="admin", do=do, **members)

    def test_not_everybody(self):
        broker = self.encrypted(self.text)
        self.assertEqual(self.admin(self.keyed(broker, self.bob), "kick", user="alice")["code"], "forbidden")
        broker.wait_err("audit bob asks to kick and is no operator")
        self.assertEqual(self.admin(self.peer(self.broker(config=FAST), "ann"), "bans")["code"], "forbidden")

    def test_a_ban_survives_a_restart(self):
        broker = self.encrypted(self.text)
        alice, bob = self.keyed(broker, self.alice), self.keyed(broker, self.bob)
        bob.subscribe(b"general\0")
        self.assertEqual(self.admin(alice, "ban", user="nobody")["code"], "no-such-user")
        self.assertEqual(self.admin(alice, "ban", user="bob", reason="too loud")["op"], "ok")
        self.assertEqual(bob.control(), {"op": "bye", "reason": "banned"})
        bob.wait_gone(bob.front)
        bob.wait_gone(bob.sub)
        self.assertFalse(self.admitted(broker, self.bob))
        broker.signal(signal.SIGKILL)
        broker.finish()
        again = self.encrypted(self.text)
        self.assertFalse(self.admitted(again, self.bob))
        alice = self.keyed(again, self.alice)
        bans = self.admin(alice, "bans")["bans"]
        self.assertEqual([(one["user"], one["by"], one["reason"]) for one in bans], [("bob", "alice", "too loud")])
        self.assertEqual(self.admin(alice, "unban", user="bob")["op"], "ok")
        self.assertTrue(self.admitted(again, self.bob))
        self.assertEqual(self.admin(alice, "bans")["bans"], [])
        broker.wait_err("audit.*ban.*bob.*alice")

    def test_kick(self):
        broker = self.encrypted(self.text)
        alice, bob = self.keyed(broker, self.alice), self.keyed(broker, self.bob)
        self.assertEqual(self.admin(alice, "kick", user="carol")["code"], "no-such-user")
        broker.wait_err("audit kick of carol by alice failed: nobody")
        self.assertEqual(self.admin(alice, "kick", user="bob", reason="noise")["op"], "ok")
        broker.wait_err("audit alice kicks bob: noise")
        self.assertEqual(bob.control(), {"op": "bye", "reason": "kicked"})
        bob.wait_gone(bob.front)
        self.assertEqual(self.keyed(broker, self.bob).welcome["user"], "bob")  # and may come back

    def test_kick_ends_connections_that_only_read(self):
        broker = self.encrypted(self.text)
        alice, bob = self.keyed(broker, self.alice), self.keyed(broker, self.bob)
        reader = self.keyed(broker, self.bob, broker.back, kind=zmq.SUB, hello=False)
        reader.front.subscribe(b"\xff" + b"0" * 32)
        self.assertIn(b"synced", reader.receive())
        self.assertEqual(self.admin(alice, "kick", user="bob")["op"], "ok")
        reader.wait_gone(reader.front)
        bob.wait_gone(bob.front)
        self.assertEqual(alice.ask(op="ping")["op"], "pong")

    def test_bans_that_are_gone(self):
        broker = self.encrypted(self.text)
        alice = self.keyed(broker, self.alice)
        bans = self.path("users.bans")
        self.assertEqual(os.stat(bans).st_mode & 0o777, 0o600)
        self.assertEqual(self.admin(alice, "ban", user="bob")["op"], "ok")
        os.rename(bans, bans + ".away")
        for do, user in (("reload", {}), ("ban", {"user": "bob"}), ("unban", {"user": "bob"})):
            answer = self.admin(alice, do, **user)
            self.assertEqual(answer["code"], "admin-failed")
            self.assertIn("users.bans", answer["text"])
        self.assertFalse(self.admitted(broker, self.bob))
        os.rename(bans + ".away", bans)
        self.assertEqual(self.admin(alice, "unban", user="bob")["op"], "ok")
        self.assertTrue(self.admitted(broker, self.bob))

    def test_reload(self):
        broker = self.encrypted(self.text)
        alice = self.keyed(broker, self.alice)
        self.users(self.text + "oops\n")
        answer = self.admin(alice, "reload")
        self.assertEqual(answer["code"], "admin-failed")
        self.assertIn("users:", answer["text"])
        self.users(section("alice", self.alice, rules=ADMIN))
        self.assertEqual(self.admin(alice, "reload")["op"], "ok")
        self.assertFalse(self.admitted(broker, self.bob))


if __name__ == "__main__":
    unittest.main()
