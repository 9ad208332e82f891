"""What users show of themselves: metas in presence and in the list of users, over the real sockets."""
import json
import unittest

from harness import TestCase, wait_for

FAST = "server\n    tick = 20\n"


class Meta(TestCase):
    def setUp(self):
        super().setUp()
        self.relay = self.broker(config=FAST)
        self.watcher = self.peer(self.relay, "watcher")
        self.watcher.subscribe(b"room\1")
        self.watcher.ask(op="join", room="room", presence=False)

    def told(self, member, nick):
        """Reads presence frames until one names the nick among those members; returns what it says of it, and the frame."""
        while True:
            frame = json.loads(self.watcher.live().removeprefix(b"room\1"))
            for one in frame.get(member, []):
                if one["nick"] == nick:
                    return one, frame

    def who(self):
        return {user["nick"]: user.get("meta") for user in self.watcher.ask(op="who", room="room")["users"]}

    def test_hello_and_join(self):
        ann = self.peer(self.relay, hello=False)
        ann.hello("ann", meta={"avatar": "cat.png", "size": 0.1})
        ann.ask(op="join", room="room")
        came, first = self.told("joined", "ann")
        self.assertEqual(came, {"nick": "ann", "meta": {"avatar": "cat.png", "size": 0.1}})
        for number in range(20):
            ann.ask(op="join", room="room", meta={"cursor": number})
        changed, frame = self.told("changed", "ann")
        while changed["meta"] != {"cursor": 19}:
            changed, frame = self.told("changed", "ann")
        self.assertEqual((frame["joined"], frame["left"], frame["count"]), ([], [], 1))
        self.assertLessEqual(frame["version"], first["version"] + 20)
        self.assertEqual(self.who(), {"ann": {"cursor": 19}})
        ann.ask(op="join", room="room", meta={})
        self.assertEqual(self.told("changed", "ann")[0], {"nick": "ann", "meta": {}})
        self.assertEqual(self.who(), {"ann": None})

    def test_an_escaped_text(self):
        """The command line prints JSON, in which nothing moves a terminal."""
        ann = self.peer(self.relay, hello=False)
        ann.hello("ann", meta={"status": "\u001b[2J\u202e <b>\"'"})
        ann.ask(op="join", room="room")
        self.peer(self.relay, "bob").ask(op="join", room="room")
        wait_for(lambda: len(self.who()) == 2, "both")
        lines = self.run_zrelay(self.relay, "who", "room", "--json").lines()
        self.assertEqual([json.loads(line) for line in lines], [{"nick": "ann", "meta": {"status": "\u001b[2J\u202e <b>\"'"}}, {"nick": "bob"}])
        self.assertFalse(any(byte < 32 for line in lines for byte in line))
        self.assertEqual(self.run_zrelay(self.relay, "who", "room").lines(), [b"ann", b"bob"])

    def test_what_is_refused(self):
        ann = self.peer(self.relay, "ann")
        for meta in (1, None, [], "x", {"x": "y" * 1024}, {"a": {"b": {"c": {"d": {}}}}}):
            self.assertEqual(ann.ask(op="join", room="room", meta=meta)["code"], "bad-member")
        for room in range(16):
            self.assertEqual(ann.ask(op="join", room=f"r{room}", meta={"x": "y" * 1016})["op"], "joined")
        self.assertEqual(ann.ask(op="join", room="r16", meta={"x": "y"})["code"], "too-large")
        self.assertEqual(ann.ask(op="ping")["op"], "pong")

    def test_a_crowd_of_cursors_costs_a_bounded_number_of_bytes(self):
        """Each of fifty users shows another meta all the time; the watcher hears of about 32 KiB in a tick."""
        crowd = [self.peer(self.relay, f"n{number}") for number in range(50)]
        for peer in crowd:
            peer.ask(op="join", room="room")
        for round in range(3):
            for peer in crowd:
                peer.send(json.dumps({"op": "join", "room": "room", "meta": {"x": str(round) + "y" * 1000}}).encode())
        seen = {}
        while len([meta for meta in seen.values() if meta.startswith("2")]) < len(crowd):
            frame = self.watcher.live()
            self.assertLess(len(frame), 40000)
            told = json.loads(frame.removeprefix(b"room\1"))
            for one in told["joined"] + told.get("changed", []):
                seen[one["nick"]] = one.get("meta", {"x": ""})["x"]


if __name__ == "__main__":
    unittest.main()
