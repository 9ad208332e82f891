"""The cases of readers: lost sessions and connections, and other brokers."""
import asyncio
import os
import signal
import time

import rules
from cases_read import OPEN, missed
from frames import control, parse_control
from proxy import error
from stage import ROOM, Broken, body
from table import GAPLESS, RefusingHello, blacken, case, freeze, kick, lose_first_welcome, repeat_welcome, sleep

NO_READ = """\
user
    name = anonymous
    allow = "write create presence state : *"
"""


@case(GAPLESS, log={"room-entries": 20})
async def read_away(stage):
    """The reader is cut off for so long that the log forgets some of what it missed."""
    reader = await stage.reader()
    await stage.publish(3)
    await stage.expect_read(reader)
    stage.proxy.refuse()
    stage.proxy.cut()
    await stage.publish(100)
    kept = {one.body for one in await stage.stored()}
    await stage.proxy.listen()
    await stage.expect_read(reader, rules.GONE, gone=[number for number in range(4, stage.count + 1) if body(number) not in kept])
    await stage.expect_told(reader, rules.GONE)


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
async def read_peers(stage):
    """Each welcome names another broker, at an ipc endpoint to which a client of a TCP broker does not go. Then both
    connections carry nothing any more."""
    visits = []

    def visit(_reader, writer):
        visits.append(writer)
        writer.close()

    def name_it(_link, frame):
        message = parse_control(frame) or {}
        return [control(**{**message, "peers": [f"ipc://{path}"]})] if message.get("op") == "welcome" else None
    path = os.path.join(stage.folder.name, "elsewhere")
    async with await asyncio.start_unix_server(visit, path):
        with stage.proxy.rule(down=name_it):
            reader = await stage.reader()
            hellos = len(stage.seen.hellos)
            blacken(stage)
            await stage.until(lambda: visits or len(stage.seen.hellos) > hellos, "another hello", rules.SILENCE)
            if visits:
                raise Broken(rules.PEERS, f"the reader connected to ipc://{path}")
            await stage.publish(3)
            await stage.expect_read(reader, rules.PEERS)
            if visits:
                raise Broken(rules.PEERS, f"the reader connected to ipc://{path}")


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


async def stays_out(stage, reader, most, rule):
    """The reader says that it has left, or ends, and asks no more than `most` times to join again."""
    left, joins = time.monotonic(), sum(op == "join" for op, _ in stage.seen.asked)
    await stage.until(lambda: reader.ended or reader.said(stage.options.tells),
                      f"an end, or a line of the reader that matches {stage.options.tells}", rules.LEFT)
    await stage.until(lambda: reader.ended or time.monotonic() > left + 2, "two seconds", rules.LEFT)
    if reader.ended and reader.status == 0:
        raise Broken(rules.LEFT, "the reader ended with status 0, as if all were well")
    again = sum(op == "join" for op, _ in stage.seen.asked) - joins
    if again > most:
        raise Broken(rule, f"the reader asked {again} times in two seconds to join again")


@case(GAPLESS, users=OPEN)
async def read_revoked(stage):
    """The right to read the room is taken."""
    reader = await stage.reader()
    await stage.publish(3)
    await stage.expect_read(reader)
    stage.broker.write_users(NO_READ)
    stage.broker.signal(signal.SIGHUP)
    await stage.until(lambda: stage.seen.left, "the broker's `left`", rules.LEFT)
    await stays_out(stage, reader, 5, rules.LEFT_OVER)


@case(GAPLESS)
async def read_sent_out(stage):
    """An operator sends the reader out of the room, which it might join again at once."""
    reader = await stage.reader()
    await stage.publish(3)
    await stage.expect_read(reader)
    for link in stage.proxy.alive("front"):
        link.give(control(op="left", room=ROOM, reason="kicked", seq=stage.count, text="spam"))
    await stays_out(stage, reader, 0, rules.SENT_OUT)
