"""The sockets of the client, against sockets of the test in the same process."""
import asyncio
import unittest

import zmq

import fake  # noqa: F401  the path of the sources
from zrelay.core.servers import Server
from zrelay.link import AsyncEdge

DEADLINE = 30  # seconds


class Heard:
    def __init__(self):
        self.front, self.back, self.why = [], [], []

    def front_frame(self, frame):
        self.front.append(frame)

    def back_frame(self, frame):
        self.back.append(frame)

    def lost(self, why):
        self.why.append(why)

    def unreachable(self, why):
        self.why.append("unreachable")


class LinkTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.context = zmq.Context()
        self.router, self.xpub = self.context.socket(zmq.ROUTER), self.context.socket(zmq.XPUB)
        self.server, self.back = (f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}" for socket in (self.router, self.xpub))
        self.edge, self.heard = AsyncEdge(None), Heard()
        self.link = self.edge.open(self.heard, Server(self.server))

    async def asyncTearDown(self):
        self.link.close(False)
        await self.edge.close()
        self.context.destroy(0)

    async def until(self, condition):
        for _ in range(DEADLINE * 100):
            found = condition()
            if found:
                return found
            await asyncio.sleep(0.01)
        raise AssertionError("timed out")

    async def client(self):
        """The client's routing id, once it has sent something."""
        self.link.send(b"hello")
        await self.until(lambda: self.router.poll(0))
        return self.router.recv_multipart()[0]

    async def test_frames_pass_both_ways_also_many_at_once(self):
        client = await self.client()
        frames = [str(number).encode() for number in range(1000)]
        for frame in frames:
            self.router.send_multipart([client, frame])
        await self.until(lambda: len(self.heard.front) == 1000)
        self.assertEqual(self.heard.front, frames)
        for frame in frames:
            self.link.send(frame)
        await self.until(lambda: self.router.poll(0))
        self.assertEqual([self.router.recv_multipart()[1] for _ in frames], frames)

    async def test_subscriptions_come_and_go_and_a_new_sub_has_none(self):
        self.link.listen(self.back)
        self.link.subscribe(b"a")
        await self.until(lambda: self.xpub.poll(0))
        self.assertEqual(self.xpub.recv(), b"\1a")
        self.xpub.send(b"ab")
        await self.until(lambda: self.heard.back)
        self.link.unsubscribe(b"a")
        await self.until(lambda: self.xpub.poll(0))
        self.assertEqual((self.heard.back, self.xpub.recv()), ([b"ab"], b"\0a"))
        self.link.listen(self.back)
        self.link.subscribe(b"b")
        await self.until(lambda: self.xpub.poll(0))
        self.assertEqual(self.xpub.recv(), b"\1b")

    async def test_a_message_of_several_parts_ends_the_link(self):
        self.router.send_multipart([await self.client(), b"one", b"two"])
        await self.until(lambda: self.heard.why)
        self.assertEqual((self.heard.front, self.heard.why), ([], ["the broker sends a message of several parts"]))

    async def test_the_end_of_the_connection_is_told_after_what_came_before_it(self):
        client = await self.client()
        self.router.send_multipart([client, b"bye"])
        self.router.close(1000)
        await self.until(lambda: self.heard.why)
        self.assertEqual((self.heard.front, self.heard.why), ([b"bye"], ["the connection to the broker ended"]))

    async def test_what_was_sent_last_goes_out_and_a_closed_link_tells_nothing(self):
        await self.client()
        self.link.send(b"bye")
        self.link.close(True)
        self.link.send(b"nothing")
        self.link.close(True)
        await self.edge.close()
        self.assertTrue(self.router.poll(DEADLINE * 1000))
        self.assertEqual((self.router.recv_multipart()[1], self.router.poll(0), self.heard.why), (b"bye", 0, []))
        self.edge = AsyncEdge(None)

    async def test_a_fault_at_a_frame_is_told_to_the_loop_and_the_next_frame_is_read(self):
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(type(context["exception"])))
        client = await self.client()
        handle = self.link._front._handle
        self.link._front._handle = lambda frames: 1 / 0 if frames == [b"bad"] else handle(frames)
        for frame in (b"bad", b"good"):
            self.router.send_multipart([client, frame])
        await self.until(lambda: self.heard.front)
        self.assertEqual((self.heard.front, told), ([b"good"], [ZeroDivisionError]))

    async def test_timers_run_once_unless_they_are_cancelled(self):
        ran = []
        self.edge.after(0, lambda: ran.append("now"))
        self.edge.after(0.01, lambda: ran.append("later"))
        self.edge.after(0, lambda: ran.append("never"))()
        await self.until(lambda: len(ran) == 2)
        self.assertEqual((ran, len(self.edge.hex(8)), 0 <= self.edge.random() < 1, self.edge.now() > 0), (["now", "later"], 16, True, True))


if __name__ == "__main__":
    unittest.main()
