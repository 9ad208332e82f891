"""The cases of readers: what is dropped, repeated, added, and read again."""
import contextlib
import json
import time

import rules
from frames import REPLAY, Deliver, control, entry, parse_control, parse_deliver
from proxy import error
from stage import Broken, Dropping, body
from table import GAPLESS, READER, case, newer, refuse_proto

OPEN = """\
user
    name = anonymous
    allow = "all : *"
"""
PRIVATE = OPEN + """\
user
    name = nobody-reads-with
    key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
"""  # as this user may not read, every room is private


def headless(_link, frame):
    """Pongs name no heads, so only `prev` tells of a gap."""
    message = parse_control(frame)
    return [json.dumps({**message, "heads": {}}).encode()] if message and message.get("op") == "pong" else None


@contextlib.asynccontextmanager
async def missed(stage):
    """What is published meanwhile is not delivered to the reader."""
    drop = Dropping()
    with stage.proxy.rule(down=drop):
        yield drop
        await stage.until(lambda: drop.has(stage.count), "the delivery of what the kit published", rules.ORDER)


@case(READER)
async def read_plain(stage):
    """Forces nothing: entries come one by one, and many in a frame."""
    reader = await stage.reader()
    await stage.publish(20)
    await stage.publish(300, frames=2)
    await stage.expect_read(reader, rules.DELIVER)


@case(READER)
async def read_mixed(stage):
    """Entries in one frame have keys, no body, or bytes that are no text."""
    reader = await stage.reader()
    await stage.publish_mixed()
    await stage.publish(3)
    await stage.expect_read(reader, rules.BODIES)


@case(READER, users=PRIVATE)
async def read_private(stage):
    """The room is private, so its entries come over the DEALER."""
    with stage.proxy.rule(down=headless):
        reader = await stage.start_reader()
        await stage.live(reader, rules.BOTH_WAYS)
        await stage.publish(20)
        await stage.expect_read(reader, rules.BOTH_WAYS)


@case(READER)
async def read_repeated(stage):
    """Each delivery comes twice, the second time after the next one."""
    reader, before = await stage.reader(), []

    def twice(_link, frame):
        deliver = parse_deliver(frame)
        if not deliver or not deliver.live:
            return None
        before.append(frame)
        return [frame, *before[-2:]]
    with stage.proxy.rule(down=twice):
        await stage.publish(20)
        await stage.expect_read(reader)


@case(READER)
async def read_newer(stage):
    """The broker is newer: unknown ops, members, type bytes on the DEALER, and flag bits."""
    with stage.proxy.rule(down=newer):
        reader = await stage.start_reader()
        await stage.live(reader, rules.NEW_OPS)
        await stage.publish(20)
        await stage.expect_read(reader, rules.FLAGS)


@case(READER)
async def read_foreign(stage):
    """A delivery of another epoch comes, whose position seems to fit."""
    reader, newest = await stage.reader(), []

    def add(link, frame):
        deliver = parse_deliver(frame)
        if not deliver or not deliver.live:
            return None
        newest.append(deliver.entries[-1].seq)
        return [frame, Deliver(deliver.room, 0, deliver.epoch ^ 1, newest[-1], [entry(newest[-1] + 1, b"m-9999")]).pack()]
    with stage.proxy.rule(down=add):
        await stage.publish(5)
        await stage.until(lambda: 9999 in stage.printed(reader) or set(range(1, 6)) <= set(stage.printed(reader)), "printing entries 1-5", rules.ORDER)
        await stage.quiet(reader)
    if 9999 in stage.printed(reader):
        raise Broken(rules.OTHER_EPOCH, "the reader printed an entry of another epoch")
    await stage.publish(5)
    await stage.expect_read(reader, rules.OTHER_EPOCH)


@case(READER)
async def read_other_room(stage):
    """Deliveries of other rooms come over the DEALER; the names of two begin like the room's name."""
    reader, own = await stage.reader(), []
    with stage.proxy.rule(down=lambda _link, frame: own.append(parse_deliver(frame)) if parse_deliver(frame) else None):
        await stage.publish(1)
        await stage.until(lambda: own, "a delivery", rules.ORDER)
    newest = own[-1].entries[-1].seq
    for link in stage.proxy.alive("front"):
        for room in (own[-1].room + b"2", own[-1].room[:-2], b"a"):
            link.give(own[-1]._replace(room=room, prev=newest, entries=[entry(newest + 1, b"m-9999")]).pack())
    await stage.quiet(reader)
    if 9999 in stage.printed(reader):
        raise Broken(rules.OTHER_ROOM, "the reader printed an entry of another room")
    await stage.publish(5)
    await stage.expect_read(reader, rules.OTHER_ROOM)


@case(READER)
async def read_older(stage):
    """The broker is older: it answers `bad-proto` to every hello."""
    with stage.proxy.rule(up=refuse_proto):
        reader = await stage.start_reader()
        await stage.until(lambda: reader.ended, "the end of the reader", rules.PROTO, 10)
    if reader.status == 0:
        raise Broken(rules.PROTO, "the reader ended with status 0, as if all were well")


@case(READER)
async def read_unknown_op(stage):
    """The broker is older: it knows no op beyond hello, join, leave, replay, ping and bye."""
    known = ("hello", "join", "leave", "replay", "ping", "bye")

    def refuse(link, frame):
        message = parse_control(frame)
        if not message or message.get("op") in known:
            return None
        link.give(error("unknown-op", **({"re": message["id"]} if "id" in message else {})))
        return []
    with stage.proxy.rule(up=refuse):
        reader = await stage.start_reader()
        await stage.live(reader, rules.UNKNOWN_OP)
        await stage.publish(20)
        await stage.expect_read(reader, rules.UNKNOWN_OP)


@case(READER)
async def read_missing(stage):
    """A delivery is dropped: the reader says so, or asks for it again."""
    reader = await stage.reader()
    with stage.proxy.rule(down=headless):
        await stage.publish(3)
        async with missed(stage):
            await stage.publish(1)
        await stage.publish(1)
        await stage.until(lambda: reader.said(stage.options.tells) or 4 in stage.printed(reader),
                          f"entry 4, or a line of the reader that matches {stage.options.tells},", rules.SAYS_MISSING)


@case(GAPLESS)
async def read_out_of_order(stage):
    """A delivery comes after the next two."""
    reader, held, after = await stage.reader(), [], []

    def late(_link, frame):
        deliver = parse_deliver(frame)
        if not deliver or not deliver.live:
            return None
        if not held and deliver.entries[0].body == body(4):
            held.append(frame)
            return []
        if held and len(after) < 2:
            after.append(frame)
            return [frame] if len(after) < 2 else [frame, *held]
        return None
    with stage.proxy.rule(down=late):
        await stage.publish(10)
        await stage.expect_read(reader, rules.MISSING)


@case(GAPLESS)
async def read_gap_one(stage):
    """One delivery is dropped."""
    reader = await stage.reader()
    with stage.proxy.rule(down=headless):
        await stage.publish(3)
        async with missed(stage):
            await stage.publish(1)
        await stage.publish(3)
        await stage.expect_read(reader, rules.MISSING)


@case(GAPLESS)
async def read_gap_many(stage):
    """Many deliveries are dropped, here and there, and then a run of 300 entries."""
    reader = await stage.reader()
    with stage.proxy.rule(down=headless):
        for _ in range(5):
            await stage.publish(1)
            async with missed(stage):
                await stage.publish(2)
        async with missed(stage):
            await stage.publish(300, frames=20)
        await stage.publish(3)
        await stage.expect_read(reader, rules.MISSING)


@case(GAPLESS)
async def read_gap_last(stage):
    """The last delivery is dropped, and nothing comes after it."""
    reader = await stage.reader()
    await stage.publish(3)
    async with missed(stage):
        await stage.publish(1)
    await stage.expect_read(reader, rules.HEAD)


@case(GAPLESS, users=PRIVATE)
async def read_gap_private(stage):
    """The room is private; deliveries are dropped, the last one too."""
    reader = await stage.reader()
    async with missed(stage):
        await stage.publish(3)
    await stage.publish(1)
    await stage.expect_read(reader, rules.MISSING)
    async with missed(stage):
        await stage.publish(1)
    await stage.expect_read(reader, rules.HEAD)


@case(GAPLESS, limits={"replay-entries": 7})
async def read_slices(stage):
    """A replay comes in slices of seven entries."""
    reader = await stage.reader()
    with stage.proxy.rule(down=headless):
        async with missed(stage):
            await stage.publish(50)
        await stage.publish(1)
        await stage.expect_read(reader, rules.MORE)


class Hole:
    """Takes entries out of replays, as a log that cannot read them does. A slice ends before the hole; the next one begins after it."""

    def __init__(self, bodies):
        self.bodies, self.sent, self.removed, self.cut = bodies, 0, 0, False

    def __call__(self, _link, frame):
        message = parse_control(frame)
        if message and message.get("op") == "replayed":
            answer, self.sent, self.removed, self.cut = self._answer(message), 0, 0, False
            return [json.dumps(answer).encode()]
        deliver = parse_deliver(frame)
        if not deliver or not deliver.flags & REPLAY:
            return None
        kept = []
        for one in deliver.entries:
            if one.body in self.bodies:
                self.removed += 1
                self.cut |= self.sent > 0 or bool(kept)
            elif not self.cut:
                kept.append(one)
        if not kept:
            return []
        at = deliver.entries.index(kept[0])
        self.sent, self.last = self.sent + len(kept), kept[-1].seq
        return [deliver._replace(prev=deliver.entries[at - 1].seq if at else deliver.prev, entries=kept).pack()]

    def _answer(self, message):
        if self.cut:
            return {**message, "seq": self.last, "count": self.sent, "more": True}
        if self.removed:
            return {**message, "count": self.sent, "complete": False}
        return message


@case(GAPLESS)
async def read_hole(stage):
    """The log cannot read five of the entries that the reader asks for again."""
    reader, hole = await stage.reader(), range(11, 16)
    with stage.proxy.rule(down=headless), stage.proxy.rule(down=Hole({body(number) for number in hole})):
        async with missed(stage):
            await stage.publish(30)
        await stage.publish(1)
        await stage.expect_read(reader, rules.LOST, gone=hole)
        await stage.expect_told(reader, rules.LOST)


@case(GAPLESS, log={"room-entries": 20})
async def read_forgotten(stage):
    """The log has forgotten the oldest of the entries that the reader missed."""
    reader = await stage.reader()
    with stage.proxy.rule(down=headless):
        async with missed(stage):
            await stage.publish(100)
        await stage.publish(1)
        kept = {one.body for one in await stage.stored()}
        await stage.expect_read(reader, rules.LOST, gone=[number for number in range(1, stage.count + 1) if body(number) not in kept])
        await stage.expect_told(reader, rules.LOST)


@case(GAPLESS)
async def read_replay_refused(stage):
    """The broker refuses the first replay with `rate-limited`, to be asked again in 600 ms, then with `too-many-replays`."""
    reader, refusals, asked = await stage.reader(), [error("rate-limited", wait=600), error("too-many-replays")], []

    def refuse(link, frame):
        message = parse_control(frame)
        if not message or message.get("op") != "replay":
            return None
        asked.append(time.monotonic())
        if not refusals:
            return None
        refusal = json.loads(refusals.pop(0))
        link.give(control(**refusal, **({"re": message["id"]} if "id" in message else {})))
        return []
    async with missed(stage):
        await stage.publish(3)
    with stage.proxy.rule(up=refuse):
        await stage.publish(1)
        await stage.expect_read(reader, rules.LIMITED)
    if asked[1] - asked[0] < 0.55:
        raise Broken(rules.LIMITED, f"the reader asked again after {1000 * (asked[1] - asked[0]):.0f} ms, and not after 600")
