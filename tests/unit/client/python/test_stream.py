import asyncio
import logging
import unittest

import fake  # noqa: F401  the path of the sources
from zrelay.core.emitter import Emitter
from zrelay.errors import ZrelayError
from zrelay.stream import WAITING_MAX, Stream


class StreamTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.emitter, self.failure = Emitter(), None
        self.stream = Stream(self.emitter, "value", "end", lambda: self.failure, False)

    async def take_all(self):
        return [value async for value in self.stream]

    async def test_events_come_in_order_and_the_end_after_them(self):
        taking = asyncio.ensure_future(self.take_all())
        await asyncio.sleep(0)
        for value in (1, 2):
            self.emitter.emit("value", value)
        self.emitter.emit("end", None)
        self.assertEqual(await taking, [1, 2])
        self.assertFalse(self.emitter.heard("value"), "nothing is kept for a loop that ended")

    async def test_a_failure_is_raised_at_the_end(self):
        self.failure = ZrelayError("kicked", "")
        self.emitter.emit("end", None)
        with self.assertRaises(ZrelayError):
            await self.take_all()

    async def test_as_many_events_as_the_limit_wait_and_then_the_oldest_are_dropped_with_a_warning(self):
        for value in range(WAITING_MAX):
            self.emitter.emit("value", value)
        with self.assertLogs("zrelay", logging.WARNING) as logged:
            for value in range(WAITING_MAX, WAITING_MAX + 2):
                self.emitter.emit("value", value)
        self.emitter.emit("end", None)
        self.assertEqual((await self.take_all(), len(logged.output)), (list(range(2, WAITING_MAX + 2)), 1))

    async def test_a_stream_of_what_is_over_ends_at_once(self):
        self.stream = Stream(self.emitter, "value", "end", lambda: None, True)
        self.assertEqual(await self.take_all(), [])


if __name__ == "__main__":
    unittest.main()
