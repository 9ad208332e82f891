#!/usr/bin/env python3
"""Clients in other languages against a real zrelayd: see README.md.

run.py                     everything
run.py perl                one language (python, node, perl), or `page`: the client in common/PROTOCOL.md
run.py perl.test_lost_tail one test
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from running import LANGUAGES, PATIENCE, ROOT, ZRELAYD, Broker, Client, Process

SKIPPED = re.findall(r"\w+", os.environ.get("ZRELAY_INTEROP_SKIP", ""))
USERS = """\
user
    name = anonymous
    allow = "all : *"
user
    name = nobody-reads-with
    key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
"""  # as this user may not read, every room is private
SHORT, LONG = 300, 60000  # heartbeats in ms: one for losses that the heartbeat finds, one so that it finds none


class Relay(unittest.TestCase):
    def run(self, result):
        """Runs the test, ends what it started, and shows what those said when it failed."""
        self.processes = []
        failed = len(result.failures) + len(result.errors)
        super().run(result)
        for process in self.processes:
            process.end()
        if len(result.failures) + len(result.errors) > failed:
            print("", *[process.report() for process in self.processes], sep="\n", file=sys.stderr)
        for process in self.processes:
            process.stderr.close()

    def broker(self, heartbeat=SHORT, arguments=(), sections="", **limits):
        return Broker(self, heartbeat, {name.replace("_", "-"): value for name, value in limits.items()}, arguments, sections)

    def users(self, text):
        """A users file, which nobody else may read."""
        file = tempfile.NamedTemporaryFile("w", suffix=".users")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        return file.name

    def private_broker(self, **options):
        """Where every room is private."""
        return self.broker(arguments=["--users", self.users(USERS)], **options)


class Clients:
    """The tests of a language: `ann` speaks it, `bob` another one."""

    @classmethod
    def setUpClass(cls):
        if cls.language in SKIPPED:
            raise unittest.SkipTest(f"ZRELAY_INTEROP_SKIP names {cls.language}")
        order = list(LANGUAGES)
        others = order[order.index(cls.language) + 1:] + order[:order.index(cls.language)]
        cls.peer = next((each for each in others if each not in SKIPPED), cls.language)
        cls.interpreters = {each: LANGUAGES[each][0]() for each in {cls.language, cls.peer}}

    def join(self, broker, nick, language=None, room="interop/žluť"):
        client = Client(self, language or self.language, broker, room, nick)
        client.expect("ready", epoch=broker.epoch)
        return client

    def pair(self, broker):
        ann, bob = self.join(broker, "Žofie"), self.join(broker, "bob", self.peer)
        for client in ann, bob:
            client.expect_present("Žofie", "bob")
        return ann, bob

    def assert_same(self, *clients, since=None):
        """All read the same entries in the same order, none twice."""
        since = since or {client: 0 for client in clients}
        newest = max(entry for client in clients for entry in client.entries(since[client]))
        for client in clients:
            client.wait_for(lambda: newest in client.entries(since[client]), f"the entry {newest}")
        first, *others = [client.entries(since[client]) for client in clients]
        self.assertEqual([seq for seq, _, _ in first], sorted({seq for seq, _, _ in first}))
        for other in others:
            self.assertEqual(first, other)
        return first

    def test_both_ways(self):
        broker = self.broker()
        ann, bob = self.pair(broker)
        texts = ["one", "", "dvě: žluťoučký kůň", "{\"op\": \"three\"}", "四" * 1000]
        for client in ann, bob:
            client.publish(*texts)
        for client in ann, bob:
            client.wait_for(lambda: len(client.bodies()) == 10, "ten entries")
            client.expect_acked()
        entries = self.assert_same(ann, bob)
        for client in ann, bob:
            self.assertEqual(texts, [body for _, sender, body in entries if sender == client.nick])
            self.assertEqual(client.told("gap") + client.told("lost") + client.told("error"), [])
        late = self.join(broker, "late")
        self.assert_same(late, bob)

    def test_private_room(self):
        """Entries that come by the other way are read as well, and repaired as well after a restart."""
        broker = self.private_broker()
        ann, bob = self.pair(broker)
        ann.publish("a 1", "a 2")
        bob.publish("b 1")
        for client in ann, bob:
            client.expect_bodies(["a 1", "a 2", "b 1"])
            client.expect_acked()
            self.assertEqual(client.told("gap") + client.told("lost") + client.told("error"), [])
        self.assert_same(ann, bob)
        since = {ann: len(ann.lines), bob: len(bob.lines)}
        broker.kill()
        ann.publish("down")
        broker.start()
        for client in ann, bob:
            client.expect("ready", since[client], epoch=broker.epoch)
            client.expect_bodies(["down"], since[client])
            client.expect_present("Žofie", "bob")
        self.assertEqual(bob.quit(), 0)
        ann.expect_present("Žofie")

    def test_presence(self):
        broker = self.broker()
        ann = self.join(broker, "ann")
        bob = self.join(broker, "bob", self.peer)
        ann.expect_present("ann", "bob")
        self.assertEqual(ann.expect("presence", joined=["bob"])["count"], 2)
        bob.expect_present("ann", "bob")
        self.assertEqual(bob.quit(), 0)
        ann.expect_present("ann")
        self.assertEqual(ann.expect("presence", left=["bob"])["count"], 1)
        carl = self.join(broker, "carl", self.peer)
        ann.expect_present("ann", "carl")
        self.assertEqual(ann.quit(), 0)
        carl.expect_present("carl")
        dan = self.join(broker, "dan")
        carl.expect_present("carl", "dan")
        carl.send(signal.SIGKILL)
        dan.expect_present("dan")

    def test_nick_in_use(self):
        broker = self.broker()
        self.join(broker, "ann")
        thief = Client(self, self.language, broker, "elsewhere", "ann")
        thief.expect("error", code="nick-in-use")
        thief.ends()

    def test_gap(self):
        ann, bob = self.pair(self.broker(heartbeat=LONG))
        bob.publish("heard")
        ann.expect_bodies(["heard"])
        ann.command("deafen", "deaf")
        bob.publish("missed 1", "missed 2")
        bob.expect_acked()
        bob.expect_bodies(["heard", "missed 1", "missed 2"])
        self.assertEqual(ann.bodies(), ["heard"])
        ann.command("undeafen", "hearing")
        self.until(lambda: bob.publish("seen"), lambda: ann.told("gap"), ann)
        gap, = ann.told("gap")
        self.assertEqual(gap["after"], bob.entries()[0][0])
        self.assertGreaterEqual(gap["prev"], bob.entries()[2][0])
        self.assertGreater(ann.expect("repaired")["seq"], gap["prev"])
        bob.expect_acked()
        self.assert_same(ann, bob)
        self.assertEqual(len(ann.entries()), bob.published)

    def until(self, action, condition, client):
        """Does the action again and again until it has the effect: a subscription needs a moment, and nothing tells its end."""
        for _ in range(PATIENCE):
            action()
            try:
                return client.wait_for(condition, "", patience=1)
            except AssertionError:
                pass
        self.fail(f"{client.name} did not notice")

    def test_lost_tail(self):
        ann, bob = self.pair(self.broker())
        bob.publish("heard")
        ann.expect_bodies(["heard"])
        ann.command("deafen", "deaf")
        bob.publish("tail")
        bob.expect_acked()
        ann.expect_bodies(["heard", "tail"])
        self.assertEqual(ann.expect("gap")["head"], ann.expect("repaired")["seq"])
        self.assertEqual(self.assert_same(ann, bob)[-1][0], ann.told("repaired")[-1]["seq"])

    def test_missed_presence(self):
        broker = self.broker(heartbeat=LONG)
        ann, bob = self.pair(broker)
        ann.command("deafen", "deaf")
        self.join(broker, "carl", self.peer)
        bob.expect_present("Žofie", "bob", "carl")
        self.assertEqual(ann.present(), {"Žofie", "bob"})
        ann.command("undeafen", "hearing")

        def come_and_go():  # waits to be seen: a user that comes and goes between two frames is in neither
            dan = self.join(broker, "dan", self.peer)
            bob.expect_present("Žofie", "bob", "carl", "dan")
            dan.quit()
            bob.expect_present("Žofie", "bob", "carl")
        self.until(come_and_go, lambda: "carl" in ann.present(), ann)
        ann.expect_present("Žofie", "bob", "carl")

    def test_slices(self):
        broker = self.broker(heartbeat=LONG, replay_entries=7)
        ann, bob = self.pair(broker)
        ann.publish(*[f"ann {i}" for i in range(50)])
        bob.publish(*[f"bob {i}" for i in range(50)])
        for client in ann, bob:
            client.expect_acked()
        late = self.join(broker, "late")
        self.assertEqual(len(self.assert_same(late, ann, bob)), 100)
        self.assertEqual(late.told("gap") + late.told("lost"), [])

    def test_restart(self):
        broker = self.broker()
        ann, bob = self.pair(broker)
        ann.publish("before")
        for client in ann, bob:
            client.expect_bodies(["before"])
        ann.expect_acked()
        broker.freeze()
        ann.publish("frozen")
        bob.publish("frozen too")
        broker.kill()
        ann.publish("down")
        old, since = broker.epoch, {ann: len(ann.lines), bob: len(bob.lines)}
        broker.start()
        self.assertNotEqual(old, broker.epoch)
        for client in ann, bob:
            client.expect("epoch", since[client], old=old, new=broker.epoch)
            client.expect("ready", since[client], epoch=broker.epoch)
            client.expect_bodies(["frozen", "frozen too", "down"], since[client])
            client.expect_acked()
            client.expect_present("Žofie", "bob")
        bob.publish("after")
        for client in ann, bob:
            client.expect_bodies(["after"], since[client])
        entries = self.assert_same(ann, bob, since=since)
        self.assertEqual([body for _, sender, body in entries if sender == "Žofie"], ["frozen", "down"])
        self.assertEqual([body for _, sender, body in entries if sender == "bob"], ["frozen too", "after"])

    def test_shutdown(self):
        broker = self.broker()
        ann, bob = self.pair(broker)
        broker.shut_down()
        bob.publish("down")
        since = len(ann.lines)
        broker.start()
        ann.expect("ready", since, epoch=broker.epoch)
        ann.expect_bodies(["down"])
        bob.expect_acked()
        self.assert_same(ann, bob)

    def test_silent_broker(self):
        """It says nothing for three heartbeats, and finds both the entry and its resend when it goes on."""
        broker = self.broker()
        ann, bob = self.pair(broker)
        since = {ann: len(ann.lines), bob: len(bob.lines)}
        broker.freeze()
        ann.publish("once")
        for client in ann, bob:
            client.expect("silence", since[client])
        broker.thaw()
        for client in ann, bob:
            client.expect("ready", since[client], epoch=broker.epoch)
            client.expect_bodies(["once"])
            client.expect_acked()
            client.expect_present("Žofie", "bob")
        bob.publish("after")
        ann.expect_bodies(["after"])
        self.assertEqual([body for _, _, body in self.assert_same(ann, bob)], ["once", "after"])

    def test_silent_client(self):
        """It sleeps beyond three heartbeats, is expired, and finds its way back to all it missed."""
        ann, bob = self.pair(self.broker())
        since = len(ann.lines)
        ann.send(signal.SIGSTOP)
        bob.expect_present("bob")
        bob.publish("one", "two", "three")
        bob.expect_acked()
        ann.send(signal.SIGCONT)
        ann.expect("ready", since)
        ann.expect_bodies(["one", "two", "three"])
        bob.expect_present("Žofie", "bob")
        ann.publish("back")
        bob.expect_bodies(["back"])
        self.assert_same(ann, bob)
        # The broker's bye waited for it: that is no silence.
        self.assertEqual(ann.told("silence"), [])


class python(Clients, Relay):
    language = "python"


class node(Clients, Relay):
    language = "node"


class perl(Clients, Relay):
    language = "perl"


class page(Relay):
    """The client that the specification prints."""

    @classmethod
    def setUpClass(cls):
        cls.interpreters = {"python": LANGUAGES["python"][0]()}
        text = (ROOT / "common/PROTOCOL.md").read_text(encoding="utf-8")
        cls.code = re.search(r"^## 12\..*?^```python\n(.*?)^```$", text, re.M | re.S)[1]
        cls.encrypt = re.search(r"^### Encryption.*?^```python\n(.*?)^```$", text, re.M | re.S)[1]
        cls.script = tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8")
        cls.script.write(cls.code)
        cls.script.flush()
        cls.addClassCleanup(cls.script.close)

    def run_page(self, broker, nick, *texts):
        return Process(self, f"{nick} (page)", [self.interpreters["python"], self.script.name, broker.front, "room", nick, *texts])

    def expect(self, texts, *clients):
        """Each printed each of the texts, once."""
        for client in clients:
            client.wait_for(lambda: set(texts) <= set(client.lines), f"the texts {texts}")
            self.assertEqual(sorted(client.lines), sorted(texts))
        self.assertEqual(len({tuple(client.lines) for client in clients}), 1, "one order")

    def kill(self, broker):
        """When all acks are on their way: a client that has none resends, and a broker that kept nothing takes it for new. The page does not say
        what was acked; acks go out in the order in which they were made, so another's comes last."""
        witness = Client(self, "python", broker, "elsewhere", "witness")
        witness.publish("last")
        witness.expect_acked()
        witness.end()
        broker.kill()

    def test_length(self):
        self.assertLessEqual(len(self.code.splitlines()), 40)

    def test_sees_each_other(self):
        broker = self.broker()
        ann = self.run_page(broker, "ann", "a 1", "a 2", "a 3")
        bob = self.run_page(broker, "bob", "b 1", "žluť")
        self.expect(["a 1", "a 2", "a 3", "b 1", "žluť"], ann, bob)

    def test_private_room(self):
        broker = self.private_broker()
        ann = self.run_page(broker, "ann", "a 1", "a 2")
        bob = self.run_page(broker, "bob", "b 1")
        self.expect(["a 1", "a 2", "b 1"], ann, bob)
        self.kill(broker)
        carl = self.run_page(broker, "carl", "c 1")
        broker.start()
        self.expect(["c 1"], carl)
        self.expect(["a 1", "a 2", "b 1", "c 1"], ann, bob)

    def test_encrypted(self):
        """The client of section 12 with the function of the section on encryption, called where the text says."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        made = subprocess.run([ZRELAYD, "--keygen", f"{folder.name}/server"], capture_output=True, text=True, check=True)
        server_key = re.search(r"public key, (.{40})$", made.stdout, re.M)[1]
        pairs = [subprocess.run([self.interpreters["python"], "-c", "import zmq; print(*map(bytes.decode, zmq.curve_keypair()))"],
                                capture_output=True, text=True, check=True).stdout.split() for _ in range(3)]
        users = "".join(f'user\n    name = {name}\n    key = "{public}"\n    allow = "all : *"\n'
                        for name, (public, _) in zip(("ann", "bob"), pairs))
        broker = self.broker(arguments=["--users", self.users(users), "--server-key", f"{folder.name}/server_secret"], sections="auth\n    encrypt = all\n")

        def run(nick, keys, *texts):
            code = self.encrypt + self.code
            for socket in "front", "sub":
                code, count = re.subn(rf"{socket}\.connect\(", f"encrypt({socket}); {socket}.connect(", code)
                self.assertEqual(count, 1)
            path = f"{folder.name}/{nick}.py"
            pathlib.Path(path).write_text(f"server_key, public_key, secret_key = {server_key!r}.encode(), {keys[0]!r}.encode(), {keys[1]!r}.encode()\n{code}")
            return Process(self, nick, [self.interpreters["python"], path, broker.front, "room", nick, *texts])
        ann, bob = run("ann", pairs[0], "a 1"), run("bob", pairs[1], "b 1")
        self.expect(["a 1", "b 1"], ann, bob)
        stranger = run("stranger", pairs[2], "s 1")
        broker.shut_down()
        self.assertEqual(stranger.lines, [])

    def test_restart(self):
        broker = self.broker()
        ann = self.run_page(broker, "ann", "a 1")
        bob = self.run_page(broker, "bob", "b 1")
        texts = ["a 1", "b 1"]
        self.expect(texts, ann, bob)
        for round in range(5):
            self.kill(broker)
            down = self.run_page(broker, f"down{round}", f"published while it was down {round}")
            broker.start()
            up = self.run_page(broker, f"up{round}", f"published when it was up again {round}")
            texts += [f"published while it was down {round}", f"published when it was up again {round}"]
            self.expect(texts[-2:], down, up)
            self.expect(texts, ann, bob)
            for client in down, up:
                client.end()

    def test_silent_broker(self):
        broker = self.broker()
        ann = self.run_page(broker, "ann", "a 1")
        self.expect(["a 1"], ann)
        witness = Client(self, "python", broker, "elsewhere", "witness")
        witness.expect("ready")
        broker.freeze()
        bob = self.run_page(broker, "bob", "b 1")
        witness.expect("silence")
        broker.thaw()
        carl = self.run_page(broker, "carl", "c 1")
        self.expect(["a 1", "b 1", "c 1"], ann, bob, carl)

    def test_sleeps_in_a_busy_room(self):
        """Expired while it slept, it says hello again while its SUB is full of frames."""
        broker = self.broker()
        ann = self.run_page(broker, "ann")
        busy = Client(self, "python", broker, "room", "busy")
        busy.expect_present("ann", "busy")
        ann.send(signal.SIGSTOP)
        texts = [f"text {i}" for i in range(3000)]
        busy.publish(*texts[:2000])
        busy.expect_present("busy")
        ann.send(signal.SIGCONT)
        busy.publish(*texts[2000:])
        ann.wait_for(lambda: ann.lines and ann.lines[-1] == texts[-1], "the last text")
        self.assertEqual(ann.lines, texts)


if __name__ == "__main__":
    unittest.main(verbosity=2)
