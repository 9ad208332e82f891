"""The command line with a hostile broker: a terminal only shows its texts."""
import json
import re
import signal
import struct
import threading
import unittest

import zmq
import zmq.auth

from test_cli_auth import ADMIN, Case, user

EVIL = "x\x1b]0;t\x07\x9b31m\u202e\u2028y"
HARM = re.compile(rb"\x1b|\x07|\xc2[\x80-\x9f]|\xe2\x80\xae|\xe2\x80\xa8|\x7f")


class Hostile:
    """Answers each op with names and texts that are no names and texts."""

    def __init__(self, case, **answers):
        self.context = zmq.Context()
        self.front, self.back = self.context.socket(zmq.ROUTER), self.context.socket(zmq.XPUB)
        for one in (self.front, self.back):
            one.linger = 0
            one.bind("tcp://127.0.0.1:*")
        self.server, self.back_server = (one.last_endpoint.rstrip(b"\0").decode() for one in (self.front, self.back))
        self.answers, self.stop = answers, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        case.addCleanup(self.end)

    def end(self):
        self.stop.set()
        self.thread.join()
        self.context.destroy(linger=0)

    def run(self):
        poller = zmq.Poller()
        poller.register(self.front, zmq.POLLIN)
        poller.register(self.back, zmq.POLLIN)
        while not self.stop.is_set():
            ready = dict(poller.poll(20))
            if self.back in ready:
                topic = self.back.recv()
                if topic[:2] == b"\x01\xff":
                    self.back.send(topic[1:] + b'{"op":"synced"}')
            if self.front in ready:
                route, frame = self.front.recv_multipart()
                for answer in self.answer(frame):
                    self.front.send_multipart([route, answer])

    def answer(self, frame):
        if frame[:1] != b"{":  # PUBLISH
            return [self.json(op="error", code=EVIL, text=EVIL, room=EVIL, mid=1)]
        asked = json.loads(frame)
        re_, op = asked.get("id"), asked["op"]
        if op in self.answers:
            return [self.json(**{"re": re_, **self.answers[op]})]
        if op == "hello":
            return [self.json(op="welcome", re=re_, proto=1, epoch="0123" + EVIL, nick=EVIL, resume="t", resumed=False, greeting=EVIL,
                              back=self.back_server, heartbeat=60000, level="memory", time=1, server=EVIL)]
        if op == "join":
            return [self.json(op="joined", re=re_, room=asked["room"], seq=1, oldest=0, count=1, version=1),
                    self.json(op="direct", **{"from": EVIL}, text=EVIL, time=1),
                    asked["room"].encode() + b"\x01" + self.json(version=2, count=2, left=[{"nick": EVIL, "reason": EVIL}], joined=[{"nick": EVIL}])]
        if op in ("replay", "state"):
            entry = struct.pack(">QQB", 1, 1, 0) + bytes([len(EVIL.encode())]) + EVIL.encode() + bytes([len(EVIL.encode())]) + EVIL.encode()
            entry += struct.pack(">I", len(EVIL.encode())) + EVIL.encode()
            flags = 1 if op == "replay" else 2
            frame = asked["room"].encode() + b"\0" + struct.pack(">BBQQ", 1, flags, 0x0123, 0) + entry
            end = {"op": "replayed", "count": 1} if op == "replay" else {"op": "ok"}
            return [frame, self.json(**end, re=re_, room=asked["room"], seq=1, complete=True, more=False)]
        if op == "who":
            return [self.json(op="who", re=re_, users=[{"nick": EVIL}], count=1, silent=0, version=2, more=False)]
        if op == "rooms":
            return [self.json(op="rooms", re=re_, rooms=[{"room": EVIL, "seq": 1, "count": 1}], more=False)]
        if op == "admin":
            return [self.json(op="ok", re=re_, text=EVIL, bans=[{"user": EVIL, "by": EVIL, "time": EVIL, "reason": EVIL}])]
        if op == "ping":
            return [self.json(op="pong", re=re_, time=1, heads={}, versions={})]
        return [self.json(op="ok", re=re_)]

    @staticmethod
    def json(**members):
        return json.dumps(members, ensure_ascii=False).encode()


class TerminalSafety(Case):
    COMMANDS = (["who", "r"], ["rooms"], ["history", "r"], ["state", "r"], ["admin", "bans"], ["admin", "ban", "x"], ["ping", "--count", "1"],
                ["pub", "r", "x"], ["sub", "r", "--all", "--count", "1"])

    def harmless(self, shown, *words):
        self.assertIsNone(HARM.search(shown), shown)
        for word in words:
            self.assertIn(word, shown)

    def shown(self, broker, *arguments):
        """On a terminal, whatever the exit code."""
        for code in (0, 1, 2, 3):
            try:
                return self.on_terminal(broker, *arguments, code=code)
            except AssertionError:
                if code == 3:
                    raise

    def test_answers(self):
        broker = Hostile(self)
        for command in self.COMMANDS:
            for json_ in ([], ["--json"]):
                with self.subTest(command + json_):
                    shown = self.shown(broker, "-v", *command, *json_)
                    self.harmless(shown, b"0123")  # the epoch, in the line about the connection

    def test_refusals(self):
        refused = {"op": "error", "code": EVIL, "text": EVIL, "room": EVIL, "seq": 7}
        broker = Hostile(self, **{op: refused for op in ("join", "who", "rooms", "replay", "state", "admin")})
        for command in self.COMMANDS:
            if command[0] in ("ping",):
                continue
            with self.subTest(command):
                self.harmless(self.shown(broker, *command), b"refused")
        self.harmless(self.shown(Hostile(self, hello=refused), "ping"), b"refused")

    def test_chat(self):
        """As a filter: what it shows is made by the same functions."""
        broker = Hostile(self)
        chat = self.zrelay(broker, "-v", "chat", "r", env={**self.environment, "LC_ALL": "C.UTF-8"})
        chat.wait_out(r"\\x1b")
        chat.close_stdin()
        chat.finish()
        self.harmless(bytes(chat.out) + bytes(chat.err), b"\\x1b")

    def test_notices(self):
        for notice in ({"op": "bye", "reason": EVIL}, {"op": "left", "room": "r", "reason": EVIL, "seq": 9}):
            broker = Hostile(self, ping=notice)
            broker.answers["replay"] = notice
            with self.subTest(notice):
                reader = self.zrelay(broker, "-v", "sub", "r", "--last", "1")
                reader.wait_err("lost" if notice["op"] == "bye" else r"\[forbidden\]")
                reader.signal(signal.SIGTERM)
                reader.finish()
                self.harmless(bytes(reader.out) + bytes(reader.err))

    def test_reasons_of_bans_from_a_real_broker(self):
        keys = self.keygen("op"), self.keygen("eve")
        broker = self.encrypted(user("op", keys[0], ADMIN), user("eve", keys[1]))
        self.run_zrelay(broker, *self.keyed("op"), "admin", "ban", "eve", "a\x9b31m\u202eb")
        for json_ in ([], ["--json"]):
            self.harmless(self.shown(broker, *self.keyed("op"), "admin", "bans", *json_), b"eve", b"b")


if __name__ == "__main__":
    unittest.main()
