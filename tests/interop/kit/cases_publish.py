"""The cases of publishers."""
import contextlib
import signal
import time

import rules
from frames import parse_ack, parse_control, parse_publish, zmtp
from proxy import error
from stage import Broken
from table import ONCE, WRITER, RefusingHello, blacken, case, freeze, kick, lose_first_welcome, newer, refuse_proto, repeat_welcome, sleep


def answers(frame):
    """It answers message ids."""
    return parse_ack(frame) is not None or (parse_control(frame) or {}).get("op") == "ack"


@contextlib.contextmanager
def losing(stage, links, up=None, down=answers):
    """On these connections, until the next hello there, drops what `up` and `down` choose."""
    hellos = {link: link.hellos for link in links}

    def drop(choose):
        return lambda link, frame: [] if hellos.get(link) == link.hellos and choose(frame) else None
    with stage.proxy.rule(up=drop(up) if up else None, down=drop(down)):
        yield


@contextlib.asynccontextmanager
async def under_way(stage, publisher):
    """Has ten lines under way that the broker stored and whose answers are lost, and ten that are lost. Meanwhile the case makes the client
    say hello again, or on another connection."""
    await stage.give(publisher, 10)
    links = stage.proxy.alive("front")
    with losing(stage, links):
        await stage.give(publisher, 10, wait="sent")
        await stage.until_stored()
        with losing(stage, links, up=parse_publish):
            await stage.give(publisher, 10, wait="sent")
            yield links


class Holding:
    """A rule that keeps hello frames until they are let go."""

    def __init__(self):
        self.held = []

    def __call__(self, link, frame):
        if (parse_control(frame) or {}).get("op") != "hello":
            return None
        self.held.append((link, frame))
        return []

    def let_go(self):
        for link, frame in self.held:
            if link.alive and link.to_broker:
                link.to_broker.write(zmtp(frame))


async def expect_quiet(stage, seconds):
    """Between hello and welcome nothing is published and asked."""
    end = time.monotonic() + seconds
    await stage.until(lambda: stage.seen.early or time.monotonic() > end, "", rules.QUIET)
    if stage.seen.early:
        raise Broken(rules.QUIET, f"between hello and welcome the publisher sent {', '.join(stage.seen.early)}")


@case(WRITER)
async def publish_plain(stage):
    """Forces nothing."""
    publisher = await stage.publisher()
    await stage.give(publisher, 20, wait=None)
    await stage.expect_published(publisher, rules.IDS)
    if not any(op == "bye" for op, _ in stage.seen.asked):
        raise Broken(rules.BYE, "the publisher ended without `bye`")


@case(WRITER)
async def publish_newer(stage):
    """The broker is newer: unknown ops, members, and type bytes on the DEALER."""
    with stage.proxy.rule(down=newer):
        publisher = await stage.publisher()
        await stage.give(publisher, 20, wait=None)
        await stage.expect_published(publisher, rules.NEWER)


@case(WRITER)
async def publish_older(stage):
    """The broker is older: it answers `bad-proto` to every hello."""
    with stage.proxy.rule(up=refuse_proto):
        publisher = await stage.publisher()
        await stage.give(publisher, 3, wait=None)
        publisher.close_input()
        await stage.until(lambda: publisher.ended, "the end of the publisher", rules.PROTO, 10)
    if publisher.status == 0:
        raise Broken(rules.PROTO, "the publisher ended with status 0, as if all were well")


@case(WRITER)
async def publish_greeting(stage):
    """The first welcome takes 600 ms."""
    hold = Holding()
    with stage.proxy.rule(up=hold):
        publisher = await stage.publisher()
        await stage.give(publisher, 20, wait=None)
        publisher.close_input()  # before the hello, since some read all lines first
        await stage.until(lambda: hold.held, "a hello", rules.QUIET)
        await expect_quiet(stage, 0.6)
    hold.let_go()
    await stage.expect_published(publisher, rules.QUIET)


async def refused(stage, code, rule):
    """The lines 4-6 are refused; the publisher does not end as if all were well, and the others are stored."""
    refused_bodies = {b"m-0004", b"m-0005", b"m-0006"}

    def refuse(link, frame):
        publish = parse_publish(frame)
        if not publish:
            return None
        mids = [item.mid for item in publish.items if item.body in refused_bodies]
        if not mids:
            return None
        message = parse_control(frame) or {}
        link.give(error(code, room=publish.room.decode(), **({"re": message["id"]} if "id" in message else {}),
                        **({"mid": mids[0]} if mids[0] else {}), **({"upto": mids[-1]} if len(mids) > 1 else {})))
        rest = [item for item in publish.items if item.body not in refused_bodies]
        return [publish._replace(items=rest).pack()] if rest else []
    with stage.proxy.rule(up=refuse):
        publisher = await stage.publisher()
        await stage.give(publisher, 10, wait=None)
        publisher.close_input()
        await stage.until(lambda: publisher.ended, "the end of the publisher", rule)
    if publisher.status == 0:
        raise Broken(rule, "the broker refused three lines, and the publisher ended with status 0, as if all were stored")
    stored = [one.body for one in await stage.stored()]
    if len(stored) != len(set(stored)):
        raise Broken(rules.RESEND, "the broker stored some lines more than once")


@case(WRITER)
async def publish_refused(stage):
    """The broker refuses three lines with `store-failed`."""
    await refused(stage, "store-failed", rules.REFUSED)


@case(WRITER)
async def publish_refused_newly(stage):
    """The broker refuses three lines with a code that is not on the page."""
    await refused(stage, "sun-spots", rules.UNKNOWN_CODE)


WINDOW = 4096


@case(WRITER, limits={"window": WINDOW})
async def publish_window(stage):
    """The broker's window is small, and its acks come late."""
    publisher, sizes, most = await stage.publisher(), [], []

    def up(link, frame):
        publish = parse_publish(frame)
        if publish:
            sizes.append((link.client_id, publish.items[-1].mid, len(frame)))
            way = [size for who, mid, size in sizes if mid is None or mid > stage.seen.acked.get(who, 0)]
            most.append((sum(way), len(way)))
        return None
    stage.proxy.delay = 0.02
    with stage.proxy.rule(up=up):
        await stage.give(publisher, 100, rules.WINDOW, wait=None, padding=" " + 100 * "x")
        publisher.close_input()
        await stage.until(lambda: publisher.ended, "the end of the publisher", rules.WINDOW)
    beyond = max((way for way, frames in most), default=0)
    if any(way > WINDOW and frames > 1 for way, frames in most):
        raise Broken(rules.WINDOW, f"the window is {WINDOW}, and {beyond} bytes were under way")
    stage.proxy.delay = 0
    await stage.expect_published(publisher, rules.WINDOW)


@case(WRITER, limits={"window": WINDOW})
async def publish_large(stage):
    """The broker's window is smaller than a line."""
    publisher = await stage.publisher()
    for size in (1, 5000, 20000, 1, 20000, 5000):
        await stage.give(publisher, 1, wait=None, padding=" " + size * "x")
    await stage.expect_published(publisher, rules.WINDOW)


@case(WRITER)
async def publish_pause(stage):
    """The broker tells the publisher to pause for three seconds."""
    publisher, early = await stage.publisher(), []
    await stage.give(publisher, 10)
    pause, pongs = time.monotonic(), stage.seen.pongs
    for link in stage.proxy.alive("front"):
        link.give(error("rate-limited", wait=3000))
    await stage.until(lambda: stage.seen.pongs > pongs + 1, "a ping", rules.PING)  # so the publisher has read the frame before

    def up(_link, frame):
        passed = time.monotonic() - pause
        if parse_publish(frame) and passed < 2.95:
            early.append(passed)
        return None
    with stage.proxy.rule(up=up):
        await stage.give(publisher, 10, rules.PAUSE)
    if early:
        raise Broken(rules.PAUSE, f"the publisher went on {1000 * early[0]:.0f} ms after it was told to wait for 3000")
    await stage.expect_published(publisher)


@case(ONCE)
async def publish_acks_lost(stage):
    """Acks are lost with their connection: the lines are sent again, under the same ids."""
    publisher = await stage.publisher()
    await stage.give(publisher, 10)
    with losing(stage, stage.proxy.alive("front")):
        await stage.give(publisher, 10, wait="sent")
        await stage.until_stored()
        stage.proxy.cut()
    await stage.give(publisher, 10, rules.RESEND)
    await stage.expect_published(publisher)


@case(ONCE)
async def publish_acks_joined(stage):
    """One ack answers many ids."""
    publisher = await stage.publisher()

    def join(link, frame):
        newest = max((mid or 0 for who, mid, _ in stage.seen.sent if who == link.client_id), default=0)
        return [] if (parse_ack(frame) or newest) < newest else None
    with stage.proxy.rule(down=join):
        await stage.give(publisher, 100, rules.ACK)
        await stage.give(publisher, 10, rules.ACK)
    await stage.expect_published(publisher, rules.ACK)


@case(ONCE)
async def publish_order_again(stage):
    """After a cut nothing new comes before what is sent again; and nothing between hello and welcome, which takes 600 ms."""
    publisher, hold = await stage.publisher(), Holding()
    async with under_way(stage, publisher):
        sent = len(stage.seen.sent)
        with stage.proxy.rule(up=hold):
            stage.proxy.cut()
            await stage.until(lambda: hold.held, "another hello", rules.NO_SESSION)
            await stage.give(publisher, 10, wait=None)
            await expect_quiet(stage, 0.6)
    hold.let_go()
    await stage.expect_published(publisher)
    answered = {number for number in range(1, 11)}
    first = next(number for _, _, number in stage.numbers_sent()[sent:] if number not in answered)
    if first != 11:
        raise Broken(rules.RESEND, f"after the welcome line {first} was sent before line 11, which was unanswered")


@case(ONCE, disk=True)
async def publish_kill(stage):
    """The broker, with its log on disk, is killed in the middle and started again."""
    publisher = await stage.publisher()
    async with under_way(stage, publisher):
        await stage.stop_broker(signal.SIGKILL)
        await stage.give(publisher, 10, wait=None)
    await stage.start_broker()
    await stage.give(publisher, 10)
    await stage.expect_published(publisher)


@case(ONCE, disk=True)
async def publish_shutdown(stage):
    """The broker is shut down in the middle and started again."""
    publisher = await stage.publisher()
    async with under_way(stage, publisher):
        await stage.stop_broker(signal.SIGTERM)
    await stage.start_broker()
    await stage.give(publisher, 10, rules.SHUTDOWN)
    await stage.expect_published(publisher)


@case(ONCE)
async def publish_new_epoch(stage):
    """The broker is killed in the middle and its log with it: what was answered is gone, the rest is sent to the new one."""
    publisher = await stage.publisher()
    async with under_way(stage, publisher):
        await stage.stop_broker(signal.SIGKILL)
    await stage.start_broker()
    await stage.give(publisher, 10, rules.RESEND_EPOCH)
    await stage.expect_published(publisher, rules.RESEND_EPOCH, gone=range(1, 11))


@case(ONCE)
async def publish_freeze(stage):
    """The broker stands still for four heartbeats in the middle."""
    publisher = await stage.publisher()
    await stage.give(publisher, 10)
    await freeze(stage, lambda: stage.give(publisher, 10, wait=None))
    await stage.give(publisher, 10)
    await stage.expect_published(publisher)


@case(ONCE)
async def publish_silence(stage):
    """The connection carries nothing any more, and is not closed."""
    publisher = await stage.publisher()
    async with under_way(stage, publisher):
        blacken(stage)
        await stage.until(lambda: any(not link.black for link in stage.proxy.alive("front")), "another connection", rules.SILENCE)
    await stage.give(publisher, 10, rules.SILENCE)
    await stage.expect_published(publisher)


@case(ONCE)
async def publish_cut(stage):
    """The connection is reset, three times."""
    publisher = await stage.publisher()
    for _ in range(3):
        async with under_way(stage, publisher):
            stage.proxy.cut()
        await stage.give(publisher, 10, rules.RESEND)
    await stage.expect_published(publisher)


@case(ONCE)
async def publish_no_session(stage):
    """The broker says that there is no session; the connection stays."""
    publisher = await stage.publisher()
    async with under_way(stage, publisher) as links:
        hellos = len(stage.seen.hellos)
        for link in links:
            link.give(error("no-session"))
        await stage.until(lambda: len(stage.seen.hellos) > hellos, "another hello", rules.NO_SESSION)
    await stage.give(publisher, 10, rules.NO_SESSION)
    await stage.expect_published(publisher, rules.NO_SESSION)


@case(ONCE)
async def publish_hello_refused(stage):
    """The connection is reset. The next hello is refused with `rate-limited`, to be said again in 600 ms, and then with `too-many-sessions`."""
    publisher, refusing = await stage.publisher(), RefusingHello()
    await stage.give(publisher, 10)
    with stage.proxy.rule(up=refusing):
        stage.proxy.cut()
        await stage.give(publisher, 10, rules.HELLO_FULL)
    refusing.judge("publisher")
    await stage.expect_published(publisher, rules.HELLO_FULL)


@case(ONCE)
async def publish_welcome_lost(stage):
    """The first welcome does not come, nor anything else before the second hello."""
    with stage.proxy.rule(down=lose_first_welcome(stage)):
        publisher = await stage.publisher()
        await stage.until(lambda: len(stage.seen.hellos) > 1, "another hello within ten seconds", rules.HELLO_FULL, 10)
        await stage.give(publisher, 10, rules.HELLO_FULL)
    await stage.expect_published(publisher, rules.HELLO_FULL)


@case(ONCE)
async def publish_welcome_twice(stage):
    """Each welcome comes twice, also that after a cut."""
    with stage.proxy.rule(down=repeat_welcome):
        publisher = await stage.publisher()
        async with under_way(stage, publisher):
            stage.proxy.cut()
        await stage.give(publisher, 10, rules.RENEWED)
        await stage.expect_published(publisher, rules.RENEWED)


@case(ONCE)
async def publish_asleep(stage):
    """The publisher stands still until its session has expired."""
    publisher = await stage.publisher()
    await stage.give(publisher, 10)
    await sleep(stage, publisher)
    await stage.give(publisher, 10, rules.EXPIRED)
    await stage.expect_published(publisher, rules.EXPIRED)


@case(ONCE)
async def publish_replaced(stage):
    """Another program says hello under the publisher's client id."""
    publisher = await stage.publisher()
    async with under_way(stage, publisher):
        hellos = len(stage.seen.hellos)
        async with stage.peer(stage.seen.hellos[-1]["client"]):
            await stage.until(lambda: len(stage.seen.hellos) > hellos, "another hello", rules.REPLACED)
    await stage.give(publisher, 10, rules.REPLACED)
    await stage.expect_published(publisher, rules.REPLACED)


@case(ONCE)
async def publish_kicked(stage):
    """An operator kicks the publisher."""
    publisher = await stage.publisher()
    await stage.give(publisher, 3)
    await kick(stage, publisher)


@case(ONCE)
async def publish_slow(stage):
    """The broker is slow: each frame takes 50 ms; after a cut, the welcome comes after more than a heartbeat."""
    publisher = await stage.publisher()
    stage.proxy.delay = 0.05
    async with under_way(stage, publisher):
        hellos, stage.proxy.delay = len(stage.seen.hellos), 0.7
        stage.proxy.cut()
        await stage.until(lambda: len(stage.seen.hellos) > hellos, "another hello", rules.NO_SESSION)
    await stage.until(lambda: stage.seen.welcomes > 1, "another welcome", rules.NO_SESSION)
    stage.proxy.delay = 0.05
    await stage.give(publisher, 10)
    await stage.expect_published(publisher)
