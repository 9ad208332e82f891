"""Limits on the amount and the rate of input, and on waiting output: each is tried on both sides."""
import json
import secrets
import select
import time
import unittest

import zmq

import test_auth
from harness import deliver_entries, publish_frame, wait_for
from limit_case import KEPT, LimitCase, covers, limits


class Rates(LimitCase):
    """A session's rates. The broker's limits are so low that no machine is too slow for the test."""

    def sent_away(self, broker, peer, honest):
        """Waits until the flooder's session and connection are ended; `honest` notices nothing."""
        while (answer := self.answer(peer)) != {"op": "bye", "reason": "flooding"}:
            self.assertNotEqual(answer, None)
        peer.wait_gone(peer.front)
        broker.wait_err("audit the session of flooder ends: flooding")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")

    @covers("rate-ops")
    def test_rate_ops(self):
        broker = self.broker(config=limits(rate_ops=20))  # 80 at once
        peer, honest = self.peer(broker), self.peer(broker)
        for _ in range(3):  # hello was the fourth
            self.assertEqual(peer.ask(op="who", room="room")["op"], "who")
        error = wait_for(lambda: (lambda answer: answer["op"] == "error" and answer)(peer.ask(op="who", room="room")), "rate-limited")
        self.assertEqual(error["code"], "rate-limited")
        self.assertIn(error["wait"], range(1, 1551))
        self.assertEqual(peer.ask(op="ping")["op"], "pong")
        self.assertEqual(honest.ask(op="who", room="room")["op"], "who")
        time.sleep((error["wait"] + 50) / 1000)  # which the broker asks for, and the ping cost
        self.assertEqual(peer.ask(op="who", room="room")["op"], "who")
        # Another session on the same connection owes what the one before did.
        wait_for(lambda: peer.ask(op="who", room="room")["op"] == "error", "rate-limited")
        self.assertEqual(peer.ask(op="bye")["op"], "ok")
        self.assertEqual(self.code(peer.hello()), "rate-limited")

    @covers("rate-ops")
    def test_flood_of_requests(self):
        broker = self.broker(config=limits(rate_ops=20))
        flooder, honest = self.peer(broker, "flooder", watch=True), self.peer(broker)
        for _ in range(1000):
            flooder.send(b'{"op":"ping"}')
        self.sent_away(broker, flooder, honest)

    @covers("rate-ops")
    def test_flood_without_a_session(self):
        broker = self.broker(config=limits(rate_ops=20))
        flooder, honest = self.peer(broker, hello=False, watch=True), self.peer(broker)
        for _ in range(1000):
            flooder.send(b'{"op":"ping"}')
        flooder.wait_gone(flooder.front)
        broker.wait_err("audit a connection from .* without a session is ended: flooding")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")

    def publish_rate(self, config, frame, fits, flood):
        """`frame(first, size)` is a PUBLISH of which `fits` is the largest size that fits, and `flood` the smallest that is a flood."""
        broker = self.broker(config=config)
        honest = self.peer(broker)
        peer = self.peer(broker)
        peer.send(frame(1, fits))
        self.assertEqual(self.answer(peer)[0], "ack")
        peer = self.peer(broker)
        peer.send(frame(1, fits + 1))
        error = self.answer(peer)
        self.assertEqual((self.code(error), "re" in error, "mid" in error), ("rate-limited", False, False))
        self.assertGreaterEqual(error["wait"], 1)
        self.assertEqual(self.answer(peer)[0], "ack")  # and it was taken all the same
        peer = self.peer(broker)
        peer.send(frame(1, flood - 1))
        self.assertEqual(self.code(self.answer(peer)), "rate-limited")
        self.assertEqual(self.answer(peer)[0], "ack")
        flooder = self.peer(broker, "flooder", watch=True)
        flooder.send(frame(1, flood))
        self.sent_away(broker, flooder, honest)

    @covers("rate-entries")
    def test_rate_entries(self):
        self.publish_rate(limits(rate_entries=100, window="4k"),
                          lambda first, size: publish_frame("room", *((first + number, b"") for number in range(size))), 399, 400 + 10 * (4096 // 14) + 1)

    @covers("rate-entries")
    def test_window_is_no_flood(self):
        """The window that a client may send before it hears anything, in the smallest entries."""
        peer = self.peer(self.broker(config=limits(rate_entries=1, rate_bytes=1, window="4k", max_entries=10)))
        frames = [publish_frame("r", *((mid + number, b"") for number in range(10))) for mid in range(1, 4096 // 14 - 30, 10)]
        self.assertLessEqual(sum(map(len, frames)), 4096)
        for frame in frames:
            peer.send(frame)
        while [*self.answer(peer)][:2] != ["ack", 10 * len(frames)]:
            pass

    @covers("rate-bytes")
    def test_rate_bytes(self):
        head, message = len(publish_frame("room", (1, b""))), 64  # what each frame counts beside its own
        self.publish_rate(limits(rate_bytes="10k", window="4k"),
                          lambda first, size: publish_frame("room", (first, bytes(size - head))), (40 << 10) - 1 - message,
                          9 * (10 << 10) + 1 - message)

    @covers("rate-control")
    def test_rate_control(self):
        broker = self.broker(config=limits(rate_control="1k", max_control="4k"))  # 4 KiB at once
        peer, honest = self.peer(broker), self.peer(broker)
        self.assertEqual(peer.ask(op="who", room="room", pad="x" * 3000)["op"], "who")
        error = wait_for(lambda: (lambda answer: answer["op"] == "error" and answer)(peer.ask(op="who", room="room", pad="x" * 1500)),
                         "rate-limited")
        self.assertEqual(error["code"], "rate-limited")
        self.assertEqual(peer.ask(op="ping")["op"], "pong")
        self.assertEqual(honest.ask(op="who", room="room")["op"], "who")
        time.sleep((error["wait"] + 100) / 1000)  # which the broker asks for, and the bytes of the ping
        self.assertEqual(peer.ask(op="who", room="room")["op"], "who")
        flooder = self.peer(broker, "flooder", watch=True)
        for _ in range(10):
            flooder.send(json.dumps({"op": "ping", "pad": "x" * 3000}).encode())
        self.sent_away(broker, flooder, honest)

    @covers("rate-ops", "rate-control", "rate-entries", "rate-bytes")
    def test_no_limit(self):
        peer = self.peer(self.broker(config=limits(rate_ops=0, rate_control=0, rate_entries=0, rate_bytes=0)))
        for _ in range(3):
            for number in range(400):  # and not more at a time than fit into the queue for the answers
                peer.send(json.dumps({"op": "direct", "to": "nobody", "text": "x", "id": number}).encode())
            for _ in range(400):
                self.assertEqual(peer.control()["code"], "no-such-user")


class Queues(LimitCase):
    @covers("batch-bytes")
    def test_batch_bytes(self):
        broker = self.broker(config=limits(batch_bytes="1k"))
        peer = self.peer(broker)
        peer.subscribe(b"room\0")
        sizes = [300] * 10 + [4000] + [300] * 2
        self.publish(peer, "room", *((mid, bytes(size)) for mid, size in enumerate(sizes, 1)))
        last, frames = 0, []
        while last < len(sizes):
            frame = peer.live()
            _, _, prev, entries = deliver_entries(frame)
            self.assertEqual(prev, last)
            self.assertTrue(len(frame) <= 1024 or len(entries) == 1, "a frame is too large")
            last = entries[-1][0]
            frames.append(len(entries))
        self.assertLess(len(frames), len(sizes))  # and yet they are gathered

    @covers("route-queue")
    def test_route_queue(self):
        broker = self.broker(config=limits(route_queue=16, replay_frames=8, replay_bytes="4M") + "server\n    heartbeat = 60000\n")
        other = self.peer(broker, "other")
        self.publish_one_by_one(other, "room", 8, bytes(500_000))
        # A client that asks and does not read: the operating system takes some megabytes for it, then the queue fills.
        deaf = self.peer(broker, "deaf", hello=False, rcvhwm=1, rcvbuf=4096)
        deaf.hello("deaf")
        for _ in range(40):
            deaf.send(b'{"op":"replay","room":"room","after":0}')
        wait_for(lambda: other.ask(op="direct", to="deaf", text="").get("code") == "no-such-user", "the session to be detached")
        # It is still there, nobody else can have its name, and it comes back.
        deaf.wait_no_session()
        self.assertEqual(self.code(other.ask(op="hello", proto=1, client=other.client, nick="deaf")), "nick-in-use")
        while deaf.hello(resume=deaf.welcome["resume"])["op"] != "welcome":
            pass
        self.assertTrue(deaf.welcome["resumed"])
        self.assertEqual(other.ask(op="direct", to="deaf", text="")["op"], "ok")
        self.assertEqual(self.replay(deaf, room="room", after=0)[0]["count"], 8)

    def fill(self, broker, other, nick):
        """A peer asks for much and does not read. Its answers are copies that nobody else holds. Then it gets messages, until its session is
        detached."""
        deaf = self.peer(broker, nick, hello=False, rcvhwm=1, rcvbuf=4096)
        deaf.hello(nick)
        for _ in range(4):
            deaf.send(b'{"op":"replay","room":"room","after":0}')
        for _ in range(2000):
            if other.ask(op="direct", to=nick, text="x" * 50_000).get("code") == "no-such-user":
                return
        self.fail("the session is not detached")

    @covers("route-bytes")
    def test_route_bytes(self):
        broker = self.broker(config=limits(route_bytes="6M", replay_bytes="1M", rate_control=0) + "server\n    heartbeat = 60000\n")
        other = self.peer(broker, "other")
        self.publish_one_by_one(other, "room", 7, bytes(500_000))
        self.assertEqual(self.replay(other, room="room", after=0)[0]["count"], 2)
        before = self.memory(broker)
        self.fill(broker, other, "deaf")
        self.assertLess(self.memory(broker) - before, (40 << 20) + KEPT)  # a thousand frames would be 500 MB
        self.assertEqual(self.replay(other, room="room", after=0)[0]["count"], 2)

    @covers("all-route-bytes")
    def test_all_route_bytes(self):
        broker = self.broker(config=limits(route_bytes="6M", all_route_bytes="24M", replay_bytes="4M", rate_control=0) + "server\n    heartbeat = 60000\n")
        other = self.peer(broker, "other")
        self.publish_one_by_one(other, "room", 7, bytes(500_000))
        self.publish_one_by_one(other, "small", 1, bytes(10_000), first=8)
        before = self.memory(broker)
        for number in range(40):  # of 6 MB each
            self.fill(broker, other, f"deaf-{number}")
        self.assertLess(self.memory(broker) - before, (80 << 20) + KEPT)
        self.assertEqual(self.replay(other, room="small", after=0)[0]["count"], 1)  # a client that reads is served

    @covers("all-reader-bytes")
    def test_all_reader_bytes(self):
        broker = self.broker(config=limits(all_reader_bytes="8M"))
        writer = self.peer(broker)
        one = self.connect(broker.back, b"SUB", receive_buffer=4096)
        self.assertTrue(test_auth.talk(one, b"\x00\x06\x01room\0" + b"\x00\x0a\x01\xffaaaaaaaa", b"synced"))
        self.publish_one_by_one(writer, "room", 12, bytes(500_000))
        for _ in range(300):
            self.assertEqual(writer.ask(op="ping")["op"], "pong")
            time.sleep(0.01)
        watch = select.poll()
        watch.register(one, 0)
        self.assertEqual(watch.poll(0), [])  # it is not reset
        self.publish_one_by_one(writer, "room", 20, bytes(500_000), first=13)
        broker.wait_err("limits/all-reader-bytes")
        self.assertEqual(self.publish(writer, "room", (33, b"x"))[:2], ("ack", 33))

    @covers("reader-queue")
    def test_reader_queue(self):
        broker = self.broker(config=limits(reader_queue=16, batch_bytes="1k"))
        writer, reader = self.peer(broker), self.peer(broker)
        reader.sub = reader.context.socket(zmq.SUB)
        reader.sub.linger, reader.sub.rcvhwm, reader.sub.rcvbuf = 0, 1, 4096
        reader.sub.connect(reader.welcome["back"])
        reader.sub.subscribe(b"room\0")
        reader.sub.subscribe(b"\xffaaaaaaaa")
        self.assertTrue(reader.live().startswith(b"\xff"))
        self.publish_one_by_one(writer, "room", 60, bytes(500_000))
        self.publish_one_by_one(writer, "room", 1, b"tail", first=61)
        # All of it is in the log, and the reader's frames show where entries are missing.
        self.assertEqual(reader.ask(op="join", room="room")["seq"], 61)
        last, gaps = 0, 0

        def read():
            nonlocal last, gaps
            _, _, prev, entries = deliver_entries(reader.live())
            gaps += prev != last
            self.assertGreaterEqual(prev, last)
            last = entries[-1][0]
            if entries[-1][5] == b"end":
                return True
        # Entries that fit into its queue again come; the next one shows the gap in its `prev`.
        mid = 61

        def drain():
            nonlocal mid
            while reader.sub.poll(20):
                if read():
                    return True
            mid += 1
            return self.publish(writer, "room", (mid, b"end")) and False
        wait_for(drain, "the reader to have read all that was kept for it")
        self.assertGreater(gaps, 0)


class Topics(LimitCase):
    def subscribe(self, sub, first, count, more=b""):
        for number in range(first, first + count):
            sub.subscribe(b"t%09d" % number + more)

    def synced(self, reader):
        """All that the reader subscribed to was taken."""
        nonce = b"\xff" + secrets.token_hex(8).encode()
        reader.sub.subscribe(nonce)
        while not reader.live().startswith(nonce):
            pass
        reader.sub.unsubscribe(nonce)

    def assert_cut_off(self, broker, reader, first, more=b""):
        """The reader has all that it may; ten topics more end it, and nobody else."""
        honest = self.peer(broker)
        honest.subscribe(b"room\0")
        self.synced(reader)
        while reader.monitors[reader.sub].poll(0):
            self.assertEqual(reader.event(reader.sub)[0], "handshake_succeeded")
        self.subscribe(reader.sub, first, 10, more)
        reader.wait_gone(reader.sub)
        reader.sub.close()
        self.publish(honest, "room", (1, b"x"))
        self.assertEqual(deliver_entries(honest.live())[3][0][-1], b"x")

    def reader(self, broker):
        reader = self.peer(broker, watch=True)
        reader.subscribe()
        return reader

    @covers("topics that one SUB is subscribed to")
    def test_topics_of_a_reader(self):
        broker = self.broker(config=limits(rate_subscriptions=0, max_joins=100))
        reader, fits = self.reader(broker), 210
        self.subscribe(reader.sub, 0, fits)
        self.synced(reader)
        for number in range(fits):  # what is given back does not count
            reader.sub.unsubscribe(b"t%09d" % number)
        self.subscribe(reader.sub, 1000, fits)
        self.synced(reader)
        self.assert_cut_off(broker, reader, 2000)
        broker.wait_err("more topics than limits/max-joins needs")

    @covers("bytes of a topic")
    def test_bytes_of_a_topic(self):
        broker = self.broker()
        reader = self.reader(broker)
        self.subscribe(reader.sub, 0, 10, b"x" * 119)
        self.assert_cut_off(broker, reader, 10, b"x" * 120)
        broker.wait_err("longer than any that can match")

    @covers("max-user-topics")
    def test_topics_of_an_address(self):
        broker = self.broker(config=limits(max_user_topics="8k"))
        one, other = self.reader(broker), self.reader(broker)
        for reader in (one, other):  # 26 bytes each, and they count once
            self.subscribe(reader.sub, 0, 305)
            self.synced(reader)
        self.assert_cut_off(broker, other, 1000)
        broker.wait_err("more topics than limits/max-user-topics")
        self.synced(one)
        one.sub.close()
        # The topics of readers that left are forgotten. Until then the new reader is disconnected, and comes again.
        third = self.reader(broker)
        self.subscribe(third.sub, 5000, 305)
        self.synced(third)

    @covers("max-topics")
    def test_topics_of_all(self):
        broker = self.broker(config=limits(max_topics="8k"))
        reader = self.reader(broker)
        self.subscribe(reader.sub, 0, 305)
        self.assert_cut_off(broker, reader, 1000)
        broker.wait_err("more topics than limits/max-topics")


if __name__ == "__main__":
    unittest.main()
