"""Rooms as programs see them, in an asyncio loop and without a broker."""
import asyncio
import unittest

from fake import World, deliver
from zrelay.core.feed import Left, Lost
from zrelay.errors import ZrelayError
from zrelay.relay import Relay


class RoomCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.world = World(live=False)
        self.edge, self.client = self.world.edge, self.world.client
        self.client.open = lambda timeout: None  # the world did it
        self.relay = Relay(lambda: (self.client, self), 0)
        opening = asyncio.ensure_future(self.relay._open())
        await asyncio.sleep(0)
        self.edge.go_live()
        await opening

    async def close(self):
        """As the edge of the relay."""

    async def joined(self, head=5, **options):
        room = self.relay.join("lobby", **{"presence": False, **options})
        self.edge.synced()
        self.world.joined("lobby", head)
        return room

    async def texts(self, room):
        return [message.text async for message in room]


class Loops(RoomCase):
    async def test_a_loop_that_is_cancelled_may_go_on(self):
        messages = (await self.joined()).__aiter__()
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(messages.__anext__(), 0.001)
        self.edge.back(deliver("lobby", 5, (6, "six")))
        self.assertEqual((await messages.__anext__()).text, "six")

    async def lost(self):
        """A room with a loss and a message after it, which was left."""
        room = await self.joined(head=9, after=2)
        self.world.replayed(deliver("lobby", 7, (8, "eight"), flags=1), seq=8, complete=False)
        return room

    async def test_a_loop_over_items_has_losses_too(self):
        items = (await self.lost()).items()
        self.assertEqual(((await items.__anext__()).text, await items.__anext__()), ("eight", Lost("lobby", "gone", 2, 7)), "known at the replay's end")

    async def test_a_loop_over_messages_has_messages_alone(self):
        messages = (await self.lost()).__aiter__()
        self.assertEqual((await messages.__anext__()).text, "eight")

    async def test_a_room_that_is_taken_away_ends_the_loop_with_the_reason(self):
        room = await self.joined()
        self.edge.back(deliver("lobby", 5, (6, "six")))
        self.edge.tell("left", room="lobby", reason="revoked", seq=6)
        messages = room.__aiter__()
        self.assertEqual((await messages.__anext__()).text, "six")
        with self.assertRaises(ZrelayError) as caught:
            await messages.__anext__()
        self.assertEqual(caught.exception.code, "revoked")

    async def test_items_of_a_room_that_is_taken_away_end_with_that(self):
        room = await self.joined()
        self.edge.tell("left", room="lobby", reason="revoked", seq=5)
        items = [item async for item in room.items()]
        self.assertEqual([(type(item), item.reason, item.seq) for item in items], [(Left, "revoked", 5)])

    async def test_a_session_that_the_broker_ended_raises_in_every_loop(self):
        room = await self.joined()
        self.edge.tell("bye", reason="kicked")
        for loop in (room, room.items()):
            with self.assertRaises(ZrelayError) as caught:
                async for _ in loop:
                    pass
            self.assertEqual(caught.exception.code, "kicked")

    async def test_leaving_ends_loops_at_once(self):
        room = await self.joined()
        self.edge.back(deliver("lobby", 5, (6, "six")))
        room.leave()
        self.assertEqual(await self.texts(room), [])

    async def test_closing_ends_loops_after_what_they_did_not_read(self):
        room = await self.joined()
        self.edge.back(deliver("lobby", 5, (6, "six")))
        closing = asyncio.ensure_future(self.relay.close())
        await asyncio.sleep(0)
        self.edge.answer("bye", "ok")
        await closing
        self.assertEqual(await self.texts(room), ["six"])


class Entering(RoomCase):
    async def test_awaiting_a_room_waits_until_it_is_whole_and_its_users_are_known(self):
        room = await self.joined(presence=True)
        entering = asyncio.ensure_future(room._entered())
        await asyncio.sleep(0)
        self.assertTrue(room.is_ready)
        self.assertFalse(entering.done())
        self.edge.answer("who", "who", users=[{"nick": "ann"}], version=1, count=1, more=False)
        self.assertIs(await entering, room)
        self.assertEqual((list(room.presence.users), room.presence.count), (["ann"], 1))

    async def test_a_room_that_is_refused_or_left_raises(self):
        room = self.relay.join("secret")
        entering = asyncio.ensure_future(room._entered())
        self.edge.synced()
        self.edge.refuse("join", "forbidden")
        with self.assertRaises(ZrelayError) as caught:
            await entering
        self.assertEqual(caught.exception.code, "forbidden")
        room = self.relay.join("other")
        room.leave()
        with self.assertRaises(ZrelayError) as caught:
            await room
        self.assertEqual(caught.exception.code, "closed")
        self.assertIsNot(self.relay.join("other"), room, "it may be joined again")

    async def test_a_room_has_one_face(self):
        self.assertIs(self.relay.join("lobby"), self.relay.join("lobby"))
        with self.assertRaises(ZrelayError):
            self.relay.join("m/*").position


if __name__ == "__main__":
    unittest.main()
