"""The cases of readers."""
import contextlib
import json
import signal
import time

import rules
from frames import REPLAY, Deliver, control, entry, parse_control, parse_deliver
from proxy import error
from stage import Broken, Dropping, body
from table import GAPLESS, READER, RefusingHello, blacken, case, freeze, kick, lose_first_welcome, newer, refuse_proto, repeat_welcome, sleep

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
NO_READ = """\
user
    name = anonymous
    allow = "write create presence state : *"
"""


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


@case(GAPLESS, disk=True)
async def read_kill(stage):
    """The broker, with its log on disk, is killed and started again; the last deliveries before are lost."""
    reader = await stage.reader()
    await stage.publish(10)
    async with missed(stage):
        await stage.publish(3)
    await stage.stop_broker(signal.SIGKILL)
    await stage.start_broker()
    await stage.publish(10)
    await stage.expect_read(reader, rules.NO_SESSION)


@case(GAPLESS, disk=True)
async def read_shutdown(stage):
    """The broker is shut down and started again; the last deliveries before are lost."""
    reader = await stage.reader()
    async with missed(stage):
        await stage.publish(3)
    await stage.stop_broker(signal.SIGTERM)
    await stage.start_broker()
    await stage.publish(10)
    await stage.expect_read(reader, rules.SHUTDOWN)


@case(GAPLESS)
async def read_new_epoch(stage):
    """The broker is killed and its log with it: positions begin anew, below those that the reader has."""
    reader = await stage.reader()
    await stage.publish(100)
    await stage.expect_read(reader)
    await stage.stop_broker(signal.SIGKILL)
    await stage.start_broker()
    await stage.live(reader, rules.EPOCH)
    await stage.publish(10)
    await stage.expect_read(reader, rules.EPOCH)
    await stage.expect_told(reader, rules.EPOCH)


@case(GAPLESS)
async def read_freeze(stage):
    """The broker stands still for four heartbeats; the last deliveries before are lost."""
    reader = await stage.reader()
    async with missed(stage):
        await stage.publish(3)
    await freeze(stage)
    await stage.publish(10)
    await stage.expect_read(reader, rules.SILENCE)


@case(GAPLESS)
async def read_silence(stage):
    """Both connections carry nothing any more, and are not closed."""
    reader = await stage.reader()
    blacken(stage)
    await stage.publish(10)
    await stage.expect_read(reader, rules.SILENCE)


@case(GAPLESS)
async def read_deaf(stage):
    """The SUB's connection carries nothing any more, and is not closed."""
    reader = await stage.reader()
    backs = len(stage.proxy.alive("back"))
    blacken(stage, "back")
    await stage.publish(3)
    await stage.until(lambda: any(not link.black for link in stage.proxy.alive("back")),
                      f"another connection of the SUB, beside {backs} that carry nothing", rules.DEAF)
    await stage.publish(3)
    await stage.expect_read(reader, rules.HEAD)


@case(GAPLESS)
async def read_synced_lost(stage):
    """On the first connection of a SUB, each `synced` is dropped. Later the last delivery is dropped, so the reader must have joined."""
    first = []

    def lose(link, frame):
        if link.side == "back" and frame[:1] == b"\xff":
            first.append(link)
            return [] if link is first[0] else None
        return None
    with stage.proxy.rule(down=lose):
        reader = await stage.start_reader()
        await stage.live(reader, rules.SYNCED)
        await stage.until(lambda: stage.seen.joined, "a join", rules.SYNCED)
    async with missed(stage):
        await stage.publish(3)
    await stage.expect_read(reader, rules.SYNCED)


@case(GAPLESS)
async def read_cut(stage):
    """Both connections are reset; the last deliveries before are lost."""
    await cut(stage)


@case(GAPLESS)
async def read_cut_front(stage):
    """The DEALER's connection is reset."""
    await cut(stage, "front")


@case(GAPLESS)
async def read_cut_back(stage):
    """The SUB's connection is reset."""
    await cut(stage, "back")


async def cut(stage, *sides):
    reader = await stage.reader()
    for _ in range(3):
        async with missed(stage):
            await stage.publish(3)
        stage.proxy.cut(*sides)
        await stage.publish(3)
        await stage.expect_read(reader, rules.NO_SESSION)


@case(GAPLESS)
async def read_back_moves(stage):
    """Both connections are reset, and the next welcome names another back."""
    reader = await stage.reader()
    async with missed(stage):
        await stage.publish(3)
    await stage.proxy.move_back()
    stage.proxy.cut()
    await stage.until(lambda: stage.proxy.alive("back"), "a connection to the new back", rules.BACK)
    await stage.publish(3)
    await stage.expect_read(reader, rules.BACK)


@case(GAPLESS)
async def read_hello_refused(stage):
    """Both connections are reset. The next hello is refused with `rate-limited`, to be said again in 600 ms, and then with `too-many-sessions`."""
    reader, refusing = await stage.reader(), RefusingHello()
    with stage.proxy.rule(up=refusing):
        stage.proxy.cut()
        await stage.publish(3)
        await stage.expect_read(reader, rules.HELLO_FULL)
    refusing.judge("reader")


@case(GAPLESS)
async def read_welcome_lost(stage):
    """The first welcome does not come, nor anything else before the second hello."""
    with stage.proxy.rule(down=lose_first_welcome(stage)):
        reader = await stage.start_reader()
        await stage.until(lambda: len(stage.seen.hellos) > 1, "another hello within ten seconds", rules.HELLO_FULL, 10)
        await stage.live(reader, rules.HELLO_FULL)
    await stage.publish(3)
    await stage.expect_read(reader, rules.HELLO_FULL)


@case(GAPLESS)
async def read_welcome_twice(stage):
    """Each welcome comes twice, also that after a cut."""
    with stage.proxy.rule(down=repeat_welcome):
        reader = await stage.reader()
        async with missed(stage):
            await stage.publish(3)
        stage.proxy.cut()
        await stage.publish(3)
        await stage.expect_read(reader, rules.RENEWED)


@case(GAPLESS)
async def read_asleep(stage):
    """The reader stands still until its session has expired."""
    reader = await stage.reader()
    await sleep(stage, reader)
    await stage.publish(3)
    await stage.expect_read(reader, rules.EXPIRED)


@case(GAPLESS)
async def read_replaced(stage):
    """Another program says hello under the reader's client id."""
    reader = await stage.reader()
    hellos = len(stage.seen.hellos)
    async with missed(stage):
        await stage.publish(3)
    async with stage.peer(stage.seen.hellos[-1]["client"]):
        await stage.until(lambda: len(stage.seen.hellos) > hellos, "another hello", rules.REPLACED)
    await stage.publish(3)
    await stage.expect_read(reader, rules.REPLACED)


@case(GAPLESS)
async def read_kicked(stage):
    """An operator kicks the reader."""
    await kick(stage, await stage.reader())


@case(GAPLESS)
async def read_no_session(stage):
    """The broker says that there is no session; the connection stays."""
    reader = await stage.reader()
    async with missed(stage):
        await stage.publish(3)
    hellos = len(stage.seen.hellos)
    for link in stage.proxy.alive("front"):
        link.give(error("no-session"))
    await stage.until(lambda: len(stage.seen.hellos) > hellos, "another hello", rules.NO_SESSION)
    await stage.publish(3)
    await stage.expect_read(reader, rules.NO_SESSION)


@case(GAPLESS)
async def read_slow(stage):
    """The broker is slow: each frame takes 50 ms; after a cut, the welcome comes after more than a heartbeat."""
    reader = await stage.reader()
    stage.proxy.delay = 0.05
    async with missed(stage):
        await stage.publish(3)
    await stage.publish(10)
    stage.proxy.delay = 0.7
    hellos = len(stage.seen.hellos)
    stage.proxy.cut()
    await stage.until(lambda: len(stage.seen.hellos) > hellos, "another hello", rules.NO_SESSION)
    await stage.publish(3)
    stage.proxy.delay = 0.05
    await stage.expect_read(reader, rules.NO_SESSION)


@case(GAPLESS, users=OPEN)
async def read_revoked(stage):
    """The right to read the room is taken."""
    reader = await stage.reader()
    await stage.publish(3)
    await stage.expect_read(reader)
    stage.broker.write_users(NO_READ)
    stage.broker.signal(signal.SIGHUP)
    await stage.until(lambda: stage.seen.left, "the broker's `left`", rules.LEFT)
    left, joins = time.monotonic(), sum(op == "join" for op, _ in stage.seen.asked)
    await stage.until(lambda: reader.ended or reader.said(stage.options.tells),
                      f"an end, or a line of the reader that matches {stage.options.tells}", rules.LEFT)
    await stage.until(lambda: reader.ended or time.monotonic() > left + 2, "two seconds", rules.LEFT)
    if reader.ended and reader.status == 0:
        raise Broken(rules.LEFT, "the reader ended with status 0, as if all were well")
    again = sum(op == "join" for op, _ in stage.seen.asked) - joins
    if again > 5:
        raise Broken(rules.LEFT_OVER, f"the reader asked {again} times in two seconds to join again")
