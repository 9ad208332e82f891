"""The table of cases, and what cases of both sides force."""
import json
import signal
import time
from typing import Callable, Dict, NamedTuple

import rules
from frames import REPLAY, STATE, control, parse_control, parse_deliver
from proxy import error
from stage import Broken

WRITER, READER, GAPLESS, ONCE = "writer", "reader", "gapless reader", "exactly-once publisher"
LEVELS = {  # level: its side, and the levels whose cases it must pass
    WRITER: ("publish", (WRITER,)),
    ONCE: ("publish", (WRITER, ONCE)),
    READER: ("read", (READER,)),
    GAPLESS: ("read", (READER, GAPLESS)),
}


class Case(NamedTuple):
    name: str
    level: str
    run: Callable
    settings: Dict

    @property
    def side(self):
        return LEVELS[self.level][0]

    @property
    def text(self):
        return " ".join(self.run.__doc__.split())


CASES = []


def case(level, **settings):
    """Adds a function of a stage to the table; its docstring says what is forced. `settings` are the broker's."""
    def add(run):
        CASES.append(Case(run.__name__.replace("_", "-"), level, run, settings))
        return run
    return add


async def freeze(stage, work=None):
    """Stops the broker for longer than a session lives; meanwhile does the work."""
    stage.broker.signal(signal.SIGSTOP)
    end = time.monotonic() + 4 * stage.beat
    if work:
        await work()
    await stage.until(lambda: time.monotonic() >= end, "the end of the freeze", rules.SILENCE)
    stage.broker.signal(signal.SIGCONT)


class RefusingHello:
    """A rule that refuses the first hello with `rate-limited`, to be said again in 600 ms, and the next with `too-many-sessions`."""

    def __init__(self):
        self.refusals, self.times = [error("rate-limited", wait=600), error("too-many-sessions")], []

    def __call__(self, link, frame):
        message = parse_control(frame)
        if not message or message.get("op") != "hello":
            return None
        self.times.append(time.monotonic())
        if not self.refusals:
            return None
        link.greeting = False
        link.give(control(**json.loads(self.refusals.pop(0)), **({"re": message["id"]} if "id" in message else {})))
        return []

    def judge(self, role):
        if self.times[1] - self.times[0] < 0.55:
            raise Broken(rules.HELLO_LIMITED, f"the {role} said hello again after {1000 * (self.times[1] - self.times[0]):.0f} ms, and not after 600")


async def sleep(stage, client):
    """The client stands still until the broker has ended its session."""
    expired = []

    def see(_link, frame):
        message = parse_control(frame) or {}
        if message.get("op") == "bye" and message.get("reason") == "expired":
            expired.append(frame)
    client.signal(signal.SIGSTOP)
    with stage.proxy.rule(down=see):
        await stage.until(lambda: expired, "the broker's `bye`", rules.EXPIRED)
    client.signal(signal.SIGCONT)


def lose_first_welcome(stage):
    """A rule: nothing comes before the second hello."""
    def lose(link, _frame):
        if link.side == "back" or len(stage.seen.hellos) > 1:
            return None
        link.greeting = False
        return []
    return lose


def repeat_welcome(_link, frame):
    return [frame, frame] if (parse_control(frame) or {}).get("op") == "welcome" else None


async def kick(stage, client):
    """An operator kicks the client: `bye`, and the end of the connections. It says so, and does not come back at once, if it does."""
    hellos = len(stage.seen.hellos)
    client.mark()
    for link in stage.proxy.alive("front"):
        link.give(control(op="bye", reason="kicked"))
    await stage.until(lambda: client.ended or client.said(stage.options.tells),
                      f"an end of the {client.role}, or a line that matches {stage.options.tells}", rules.KICKED)
    end = time.monotonic() + 1
    await stage.until(lambda: client.ended or time.monotonic() > end, "a second", rules.KICKED)
    if client.ended and client.status == 0:
        raise Broken(rules.KICKED, f"the {client.role} ended with status 0, as if all were well")
    if len(stage.seen.hellos) > hellos + 3:
        raise Broken(rules.KICKED, f"the {client.role} said hello {len(stage.seen.hellos) - hellos} times in a second")


def blacken(stage, *sides):
    """The connections that there are carry nothing any more, and stay; new ones work."""
    links = stage.proxy.alive(*sides)
    for link in links:
        link.black = True
    return links


def refuse_proto(link, frame):
    message = parse_control(frame)
    if not message or message.get("op") != "hello":
        return None
    link.greeting = False
    link.give(error("bad-proto", re=message.get("id")) if "id" in message else error("bad-proto"))
    return []


def newer(link, frame):
    """What a newer broker of version 1 may add: ops, members, type bytes, flag bits."""
    message = parse_control(frame)
    if message:
        added = [control(op="weather", room=message.get("room", ""), forecast="rain", mid=1, seq=1), b"\x03", b"\x1f" + bytes(17)]
        known = {**message, "kit": {"op": "left", "mid": [1, 2, {"x": None}]}, "aaa": -1.5}
        return [*added, json.dumps(known).encode()] if link.side == "front" else None
    deliver = parse_deliver(frame)
    if deliver:
        return [deliver._replace(flags=deliver.flags | 0xff & ~(REPLAY | STATE)).pack()]
    return None
