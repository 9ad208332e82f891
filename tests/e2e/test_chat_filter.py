"""zrelay chat as a filter, and the dates of old messages."""
import json
import re
import signal
import struct
import threading
import time
import unittest

import zmq

from chat_case import FAST, ChatCase, Terminal
from harness import ZRELAY, Program


class Dates(ChatCase):
    """A broker made by hand, whose messages are old."""
    DAY = 86400
    EPOCH = 0xaa

    def start(self, *times):
        """A broker with one message for each time; returns its endpoint."""
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, linger=0)
        self.front, self.back = self.context.socket(zmq.ROUTER), self.context.socket(zmq.XPUB)
        ends = [f"tcp://127.0.0.1:{one.bind_to_random_port('tcp://127.0.0.1')}" for one in (self.front, self.back)]
        self.times, self.stop = times, False
        thread = threading.Thread(target=self.serve, args=(ends[1],))
        thread.start()

        def end():
            self.stop = True
            thread.join()
        self.addCleanup(end)
        return ends[0]

    def entries(self):
        return b"".join(struct.pack(">QQBB", seq, int(at) * 1000000, 0, 3) + b"ann\0" + struct.pack(">I", 3) + b"m%02d" % seq
                        for seq, at in enumerate(self.times, 1))

    def answer(self, request, back):
        count = len(self.times)
        return {"hello": dict(op="welcome", proto=1, epoch=f"{self.EPOCH:016x}", nick="me", resume="0" * 32, resumed=False, back=back,
                              heartbeat=1000, level="memory", time=1, server="by hand", limits={}),
                "join": dict(op="joined", room="general", seq=count, oldest=0, version=0, count=1),
                "replay": dict(op="replayed", room="general", seq=count, count=count, complete=True, more=False),
                "who": dict(op="who", room="general", version=0, users=[], count=1, silent=0, more=False),
                "ping": dict(op="pong", time=1, heads={}, versions={})}.get(request["op"], dict(op="ok"))

    def serve(self, back):
        poller = zmq.Poller()
        poller.register(self.front, zmq.POLLIN)
        poller.register(self.back, zmq.POLLIN)
        while not self.stop:
            ready = dict(poller.poll(50))
            if self.back in ready and (topic := self.back.recv())[:2] == b"\x01\xff":
                self.back.send(topic[1:] + json.dumps({"op": "synced", "epoch": f"{self.EPOCH:016x}"}).encode())
            if self.front not in ready:
                continue
            route, frame = self.front.recv_multipart()
            request = json.loads(frame)
            if request["op"] == "replay":
                self.front.send_multipart([route, b"general\0" + struct.pack(">BBQQ", 1, 1, self.EPOCH, 0) + self.entries()])
            self.front.send_multipart([route, json.dumps({**self.answer(request, back), "re": request.get("id")}).encode()])

    def date(self, at, form="%Y-%m-%d"):
        return time.strftime(form, time.gmtime(at))

    def test_the_date_is_told_when_it_changes(self):
        noon = time.time() // self.DAY * self.DAY + 1
        times = noon - 400 * self.DAY, noon - 400 * self.DAY + 60, noon - self.DAY, noon, noon + 1
        terminal = Terminal([ZRELAY, "-s", self.start(*times), "chat"], {**self.environment, "TERM": "xterm", "NO_COLOR": "1", "TZ": "UTC"})
        self.addCleanup(terminal.end)
        terminal.wait("ann: m05$")
        shown = re.findall(r"^(?:-- \w+day, [-\d]+ --|[-:\d ]+ ann: m\d+)$", terminal.text(), re.M)
        wanted = []
        for number, at in enumerate(times, 1):
            wanted += [self.date(at, "-- %A, %Y-%m-%d --")] if number in (1, 3, 4) else []
            wanted += [self.date(at, "%H:%M ann: m0") + str(number)]
        self.assertEqual(shown, wanted)

    def test_lines_of_a_filter_have_dates_of_their_own(self):
        now = time.time()
        program = Program([ZRELAY, "-s", self.start(now - 3 * self.DAY, now), "chat"], env={**self.environment, "TZ": "UTC"})
        self.addCleanup(program.end)
        program.wait_out("ann: m02$")
        self.assertEqual(program.text().splitlines(), [self.date(now - 3 * self.DAY, "%Y-%m-%d %H:%M ann: m01"), self.date(now, "%H:%M ann: m02")])


class AsAFilter(ChatCase):
    def test_lines_in_and_out(self):
        broker = self.broker(config=FAST)
        listener = self.zrelay(broker, "--nick", "listener", "chat", "room")
        self.wait_members(broker, "room", 1)
        said = self.run_zrelay(broker, "--nick", "ann", "chat", "room", stdin="one\n/quit\n\n\u2603 three".encode())
        lines = [r"\d\d:\d\d ann: one", r"\d\d:\d\d ann: /quit", r"\d\d:\d\d ann: \u2603 three"]
        self.assertRegex(said.text(), r"\A" + r"\n".join(lines) + r"\n\Z")  # its own come back before it ends
        self.assertEqual(said.errors(), "")
        listener.wait_out("three$")
        listener.close_stdin()
        self.assertEqual(listener.finish(), 0, listener.errors())
        self.assertEqual(listener.text(), said.text())

    def test_escapes_in_a_pipe_are_escaped_too(self):
        """Lines with names and times are made for people, wherever they are read."""
        broker = self.broker()
        self.say(broker, "room", b"\x1b[2Jcleared", nick="eve")
        listener = self.zrelay(broker, "chat", "room")
        listener.wait_out(r"eve: \\x1b\[2Jcleared$")

    def test_json(self):
        broker = self.broker()
        listener = self.zrelay(broker, "--nick", "ann", "--json", "chat", "room")
        self.wait_members(broker, "room", 1)
        listener.write(b"one\n")
        listener.wait_out('"body":"one"}$')
        self.assertEqual(self.peer(broker, "bob").ask(op="direct", to="ann", text="psst")["op"], "ok")
        listener.wait_out('"psst"}$')
        room, direct = map(json.loads, listener.lines())
        self.assertEqual((room["room"], room["sender"], room["body"]), ("room", "ann", "one"))
        self.assertEqual((direct["from"], direct["body"]), ("bob", "psst"))

    def test_interrupt(self):
        broker = self.broker()
        listener = self.zrelay(broker, "chat", "room")
        self.wait_members(broker, "room", 1)
        listener.signal(signal.SIGINT)
        self.assertEqual(listener.finish(), 0)

    def test_no_broker(self):
        program = self.run_zrelay("tcp://127.0.0.1:1", "--connect-timeout", "0.1", "chat", code=2)
        self.assertRegex(program.errors(), r"\Azrelay: [^\n]+\n\Z")

    def test_bad_room(self):
        for room in ("a b", "a*", ""):
            program = self.run_zrelay("tcp://127.0.0.1:1", "chat", room, code=1)
            self.assertRegex(program.errors(), r"\Azrelay: [^\n]+\n\Z")

    def test_refused_room(self):
        broker = self.broker(config="limits\n    max-rooms = 1\n")
        self.say(broker, "one", b"x")
        program = self.run_zrelay(broker, "chat", "two", stdin=b"text\n", code=3)
        self.assertIn("too-many-rooms", program.errors())


if __name__ == "__main__":
    unittest.main()
