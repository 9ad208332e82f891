#!/usr/bin/python3
"""The costs of hostile peers for honest ones. Honest clients in rooms of ten publish at a steady, modest rate. The time from publishing to each
delivery is measured, without an attack and under each of them in turn. Rounds are interleaved. Before each attack comes a time without one, and
then a time in which another broker is attacked in the same way. Attackers and honest clients share the machine, and that time shows the cost of
sharing alone. The attackers and that other broker have the lowest priority. "A busy processor" is no attack: a process only keeps one processor
busy. The broker encrypts everything and has its default limits, except for lower rates of publishing, so that one process can exceed them. The
attackers use an address of this machine that is not loopback, if it has one. So the limits on one address hold for them as for other machines.

Usage: tests/bench/attack.py [--build DIR] [--clients N] [--rate R] [--seconds S] [--rounds N] [--only NAME,NAME...] [--soak S] [--write]"""
import argparse
import contextlib
import json
import multiprocessing
import os
import random
import re
import secrets
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import zmq

import results
from attack_clients import BODY, DEADLINE, Keys, honest, publish_frame

sys.path.append(os.path.join(results.HERE, "../e2e"))
import curve_client
from harness import own_address

MEMBERS = 10  # of a room
PROCESSES = 4
HISTORY = 20_000  # entries in the room that is replayed
SETTINGS = "auth\n    encrypt = all\nlimits\n    rate-entries = 20000\n    rate-bytes = 10M\n" \
           "log\n    bytes = 64M\n    room-bytes = 32M\n"  # soon full, so that memory shows what else grows


# --- The honest ---


# --- The hostile: each yields how much it did, again and again ---

def send(front, *frames):
    """Sends until the queue is full; returns how many went."""
    for number, frame in enumerate(frames):
        try:
            front.send(frame, zmq.NOBLOCK)
        except zmq.Again:
            return number
    return len(frames)


def nothing(_keys, _context):
    """No attack, but a processor that is used: what sharing the machine costs by itself."""
    while True:
        for _ in range(1000):
            pass
        yield 0


def garbage(keys, context):
    """Raw connections to both ports: nonsense, half handshakes, and silence."""
    back = json.loads(answer(keys, context))["back"]
    pick, kept = random.Random(1), []
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE" + bytes(15) + b"\x00" + bytes(31)
    hello = b"\x04\xc8\x05HELLO\x01\x00" + bytes(192)
    starts = [b"", b"GET / HTTP/1.1\r\n\r\n", greeting[:20], greeting, greeting + hello, greeting + bytes(1000)]
    while True:
        host, port = pick.choice((keys.server, back))[len("tcp://"):].rsplit(":", 1)
        with contextlib.suppress(OSError):
            one = socket.create_connection((host, int(port)), timeout=1)
            one.sendall(pick.choice((*starts, pick.randbytes(500))))
            kept.append(one)
        if len(kept) > 200:
            kept.pop(pick.randrange(len(kept))).close()
        yield 1


def answer(keys, context):
    """The welcome; asks again when it is kept out."""
    while True:
        one = keys.front(context)
        try:
            if one.poll(1000):
                return one.recv()
        finally:
            one.close()


class Flooders:
    """Sessions that send what they like, and come again when they are thrown out."""

    def __init__(self, keys, context, count, hello=True, **options):
        self.keys, self.context, self.hello, self.options = keys, context, hello, options
        self.fronts = [keys.front(context, hello, **options) for _ in range(count)]

    def each(self):
        for number, front in enumerate(self.fronts):
            gone = False
            while front.poll(0):
                frame = front.recv()
                gone = gone or (frame[:1] == b"{" and b'"flooding"' in frame)
            if gone:
                front.close()
                self.fronts[number] = front = self.keys.front(self.context, self.hello, **self.options)
            yield front


def hellos(keys, context):
    """hello and bye as fast as they go."""
    flooders = Flooders(keys, context, 20, hello=False, sndhwm=1000)
    while True:
        for front in flooders.each():
            yield send(front, *(b'{"op":"hello","proto":1,"client":"%032x"}' % secrets.randbits(128), b'{"op":"bye"}') * 25)


def subscriptions(keys, context):
    """Thousands of topics, taken and given back, and the same one again and again."""
    back = json.loads(answer(keys, context))["back"]
    backs = [keys.socket(context, zmq.XSUB, back) for _ in range(4)]
    while True:
        for one in backs:
            topics = [secrets.token_bytes(30) for _ in range(500)]
            for first in (b"\x01", b"\x00"):
                for topic in topics:
                    one.send(first + topic)
            for _ in range(1000):
                one.send(b"\x01same")
            while one.poll(0):
                one.recv()
            yield 2000


def publishing(keys, context):
    """Far over the rates, whatever is answered."""
    flooders, mid = Flooders(keys, context, 4, sndhwm=100), 1
    bodies = [b"x" * BODY] * 100
    while True:
        for front in flooders.each():
            sent = send(front, publish_frame("flood", mid, bodies)) * len(bodies)
            mid += sent
            yield sent


def replays(keys, context):
    """All of a long room, again and again."""
    flooders = Flooders(keys, context, 10, sndhwm=100)
    while True:
        for front in flooders.each():
            yield send(front, *[b'{"op":"replay","room":"history","after":0}'] * 4)


def joins(keys, context):
    """In and out of the honest ones' rooms, and of many new ones."""
    flooders, pick = Flooders(keys, context, 10, sndhwm=100), random.Random(2)
    while True:
        for front in flooders.each():
            rooms = [b"room-%d" % pick.randrange(20) if pick.random() < 0.5 else b"storm-%d" % pick.randrange(5000) for _ in range(10)]
            yield send(front, *(b'{"op":"%s","room":"%s"}' % (op, room) for room in rooms for op in (b"join", b"leave")))


def slow_readers(keys, context):
    """Readers of everything that read nothing, at both ends, while a session within its limits fills a room for them."""
    back = json.loads(answer(keys, context))["back"]
    small = {"rcvhwm": 1, "rcvbuf": 4096}
    deaf = [keys.socket(context, zmq.SUB, back, **small) for _ in range(50)]
    for one in deaf:
        one.subscribe(b"")
    fronts = [keys.front(context, **small) for _ in range(20)]
    speaker, mid = keys.front(context), 1
    while True:
        done = sum(send(front, b'{"op":"replay","room":"history","after":0}') for front in fronts)
        speaker.send(publish_frame("flood", mid, [b"x" * BODY] * 50))
        mid += 50
        while speaker.poll(50):  # some twenty times a second
            speaker.recv()
        yield 50 + done


def raw(keys, endpoint, kind):
    """A connection by hand, whose handshake is done; None: the broker does not want one now."""
    with contextlib.suppress(OSError, ValueError, curve_client.Closed):
        one = curve_client.Connection(endpoint, *keys.curve, kind=kind, timeout=5)
        one.handshake()
        return one
    time.sleep(0.05)
    return None


def resets(keys, context):
    """Many messages, pings of ZMTP between them, and a reset, at both ports: with bounded queues libzmq aborted."""
    back = json.loads(answer(keys, context))["back"]
    while True:
        for endpoint, kind, body in ((keys.server, b"DEALER", b"x"), (back, b"SUB", b"\x01a")):
            if not (one := raw(keys, endpoint, kind)):
                continue
            burst = [one.message(body) for _ in range(500)] + [one.message(b"\x04PING\x00\x00", flags=2) for _ in range(100)]
            one.one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                one.one.sendall(b"".join(burst))
            one.close()
            yield len(burst)


def endless(keys, _context):
    """Messages that never end, of empty parts."""
    while True:
        if not (one := raw(keys, keys.server, b"DEALER")):
            continue
        with contextlib.suppress(OSError):
            for _ in range(1000):
                one.one.sendall(b"".join(one.message(b"", flags=1) for _ in range(100)))
                yield 100
        one.close()


def costly_topics(keys, context):
    """A reader with as many topics as it gets, of the shape that libzmq walks most slowly; and a hundred others that leave together."""
    back = json.loads(answer(keys, context))["back"]
    while True:
        dearest = keys.socket(context, zmq.XSUB, back)
        for number in range(1500):
            dearest.send(b"\x01" + bytes([number >> 9, number >> 1 & 255, 255 * (number & 1)]))
        others = [keys.socket(context, zmq.XSUB, back) for _ in range(100)]
        for one in others:
            one.send(b"\x01x")
        yield 1600
        time.sleep(0.5)  # until they are there
        for one in others:
            one.close()
        yield 100
        time.sleep(0.5)
        dearest.close()


ATTACKS = {"a busy processor": nothing, "garbage connections": garbage, "hello flood": hellos, "subscription flood": subscriptions,
           "publish flood": publishing, "replay flood": replays, "join/leave storm": joins, "slow readers": slow_readers,
           "resets": resets, "endless messages": endless, "costly topics": costly_topics}  # the first is no attack


def attack(pipe, keys, name):
    """The one process of attackers: on a machine of its own it would take nothing from others."""
    stand_back()
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 4096)
    done = 0
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with contextlib.suppress(KeyboardInterrupt):
        pipe.send("ready")
        for count in ATTACKS[name](keys, context):
            done += count
    pipe.send(done)
    os._exit(0)  # its sockets are not waited for


# --- The run ---

def stand_back():
    """Runs when nobody else wants to, from now on."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


class Broker:
    """`other` is the one that is attacked in this one's place."""

    def __init__(self, build, folder, other=False):
        os.mkdir(folder)
        zrelayd = os.path.join(build, "broker/zrelayd")
        made = subprocess.run([zrelayd, "--keygen", os.path.join(folder, "server")], capture_output=True, check=True)
        server_key = re.search(rb"public key, (.{40})\n", made.stdout)[1]
        pairs = {name: zmq.curve_keypair() for name in ("honest", "hostile")}
        self.write(os.path.join(folder, "users"), "".join(
            f'user\n    name = {name}\n    key = "{public.decode()}"\n    allow = "all : *"\n' for name, (public, _) in pairs.items()))
        self.write(os.path.join(folder, "conf"), SETTINGS)
        address = own_address()
        listen = ["--listen", "tcp://127.0.0.1:*"] + (["--listen", f"tcp://{address}:*"] if address else [])
        with open(os.path.join(folder, "log"), "wb") as log:
            self.process = subprocess.Popen([zrelayd, *listen, "--users", os.path.join(folder, "users"), "--server-key",
                                             os.path.join(folder, "server_secret"), "--config", os.path.join(folder, "conf")],
                                            stdout=subprocess.PIPE, stderr=log, text=True, preexec_fn=stand_back if other else None)
        servers = re.findall(r"(tcp://\S+:\d+)", self.process.stdout.readline().split(", back")[0])
        self.keys = {name: Keys(server, (server_key, *pairs[name])) for name, server in (("honest", servers[0]), ("hostile", servers[-1]))}

    @staticmethod
    def write(path, text):
        with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600), encoding="utf-8") as file:
            file.write(text)

    def fill(self, room, count):
        context = zmq.Context()
        front = self.keys["honest"].front(context)
        for first in range(1, count, 100):
            front.send(publish_frame(room, first, [struct.pack(">Q", 0).ljust(BODY, b".")] * 100))
            while (frame := front.recv())[:1] != b"\x02":
                if (told := json.loads(frame)).get("code") == "rate-limited":
                    time.sleep(told["wait"] / 1000)
        context.destroy(linger=0)

    def memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    def seconds(self):
        """Of processor time."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Phase:
    def __init__(self):
        self.latencies, self.rounds = [], []  # p99 of each round
        self.before, self.elsewhere = [], []  # what it is to that of the time before, without attack and with one on the other broker
        self.repairs = self.lost = self.troubles = self.done = self.busy = self.memory = 0


def percentile(values, part):
    return values[min(len(values) - 1, int(len(values) * part))]


def run_phase(broker, pipes, name, phase, seconds, before, attacked=None):
    hostile = None
    if name:
        hostile, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(target=attack, args=(theirs, (attacked or broker).keys["hostile"], name), daemon=True)
        process.start()
        hostile.recv()
        time.sleep(0.5)  # so that it is on its way
    busy = broker.seconds()
    for pipe in pipes:
        pipe.send("begin")
    time.sleep(seconds)
    phase.busy += (broker.seconds() - busy) / seconds
    phase.memory = max(phase.memory, broker.memory())
    for pipe in pipes:
        pipe.send("stop")
    found = []
    for pipe in pipes:
        if not pipe.poll(DEADLINE + 30):
            raise SystemExit(f"{name}: the honest clients do not answer any more")
        found += pipe.recv()
    if hostile:
        process.terminate()
        phase.done += hostile.recv() if hostile.poll(10) else 0
        process.kill()
        process.join()
    latencies = []
    heads = {}
    for room, mid, *_ in found:
        heads[room] = heads.get(room, 0) + mid
    for number, (room, mid, acked, last, taken, lost, repairs, troubles, own) in enumerate(found):
        latencies += own
        phase.repairs += repairs - before[number][0]
        # Messages published and not acked, and others' messages that did not come: those of now, without the ones counted before.
        missing = lost + (mid - acked) + (heads[room] - taken - lost)
        phase.lost += missing - before[number][1]
        phase.troubles += len(troubles)
        before[number] = (repairs, missing)
        for told in troubles[:1]:
            print(f"  {name or 'no attack'}: an honest client was told {told}", file=sys.stderr)
    latencies.sort()
    phase.latencies += latencies
    phase.rounds.append(percentile(latencies, 0.99))


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--build", default=os.path.join(os.path.dirname(__file__), "../../build"))
    options.add_argument("--clients", type=int, default=200)
    options.add_argument("--rate", type=float, default=1.0, help="messages a second of each")
    options.add_argument("--seconds", type=float, default=15, help="of each attack in each round")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", default="", help="the attacks to try, separated by commas: " + ", ".join(ATTACKS))
    options.add_argument("--soak", type=float, default=0, help="all attacks at once for so many seconds, instead")
    options.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    given = options.parse_args()
    names = [name for name in ATTACKS if not given.only or name in given.only.split(",")]
    folder = tempfile.mkdtemp(prefix="zrelay-bench-")
    brokers = []
    try:
        brokers.append(Broker(given.build, os.path.join(folder, "one")))
        if given.soak:
            print(soak(given, names, *brokers))
            return
        brokers.append(Broker(given.build, os.path.join(folder, "other"), other=True))
        phases = measure(given, names, *brokers)
        if any(broker.process.poll() is not None for broker in brokers):
            raise SystemExit("a broker ended")
        text = report(given, phases)
        print(text)
        if given.write:
            results.keep("attack", text)
    finally:
        for broker in brokers:
            broker.process.send_signal(signal.SIGTERM)
            broker.process.wait()
        shutil.rmtree(folder)


def start_honest(given, broker):
    """The pipes to their processes, which are ready."""
    rooms = [f"room-{number // MEMBERS}" for number in range(given.clients)]
    pipes = []
    for number in range(PROCESSES):
        ours, theirs = multiprocessing.Pipe()
        arguments = (theirs, broker.keys["honest"], rooms[number::PROCESSES], given.rate)
        multiprocessing.Process(target=honest, args=arguments, daemon=True).start()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()
    return pipes


def measure(given, names, broker, other):
    for one in (broker, other):
        one.fill("history", HISTORY)
    pipes = start_honest(given, broker)
    phases, before = {name: Phase() for name in ("", *names)}, [(0, 0)] * given.clients
    elsewhere = Phase()
    run_phase(broker, pipes, "", Phase(), min(3, given.seconds), before)  # warm
    for number in range(given.rounds):
        start = number * len(names) // given.rounds
        for name in names[start:] + names[:start]:
            # Machines differ from minute to minute: what is compared is measured one after the other.
            run_phase(broker, pipes, "", phases[""], given.seconds, before)
            run_phase(broker, pipes, name, elsewhere, given.seconds, before, other)
            run_phase(broker, pipes, name, phases[name], given.seconds, before)
            phases[name].before.append(phases[name].rounds[-1] / phases[""].rounds[-1])
            phases[name].elsewhere.append(phases[name].rounds[-1] / elsewhere.rounds[-1])
    for pipe in pipes:
        pipe.send("end")
    if elsewhere.lost or elsewhere.troubles:
        raise SystemExit("while the other broker was attacked the honest lost something")
    return phases


COLUMNS = ["load", "p50", "p99", "worst", "p99 to no attack", "the same by round", "p99 to the same on another broker", "the same by round", "gaps repaired",
           "lost", "told off", "broker, processors", "broker, MB", "sent"]


def report(given, phases):
    """The table, as text."""
    lines = [results.machine(given.build), f"{given.clients} honest clients in rooms of {MEMBERS}, each {given.rate:g} messages a second of {BODY} "
             f"bytes, encrypted; {given.rounds} rounds of {given.seconds:g} s for each load, each after as long without, and with the other broker "
             "attacked. Milliseconds from publishing to a delivery, replayed ones included; ratios are medians of the rounds'. Brokers, "
             f"{PROCESSES} processes of honest clients and one of attackers share {os.cpu_count()} processors.\n",
             f"| {' | '.join(COLUMNS)} |", f"|---|{(len(COLUMNS) - 1) * '---:|'}"]
    for name, phase in phases.items():
        latencies, times = sorted(phase.latencies), len(phase.rounds)
        row = [name or "no attack", f"{percentile(latencies, 0.5):.2f}", f"{percentile(latencies, 0.99):.2f}", f"{latencies[-1]:.1f}", *compared(phase.before),
               *compared(phase.elsewhere), phase.repairs, phase.lost, phase.troubles, f"{phase.busy / times:.2f}", f"{phase.memory:.0f}",
               f"{phase.done / times / given.seconds:,.0f}/s"]
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines) + "\n"


# --- The soak ---

def soak(given, names, broker):
    """All attacks at once for so many seconds. The memory of the broker is told once a minute, and when the attackers have gone."""
    broker.fill("history", HISTORY)
    pipes = start_honest(given, broker)
    crowd = []
    for name in names:
        ours, theirs = multiprocessing.Pipe()
        crowd.append(multiprocessing.Process(target=attack, args=(theirs, broker.keys["hostile"], name), daemon=True))
        crowd[-1].start()
        ours.recv()
    for pipe in pipes:
        pipe.send("begin")
    began = time.monotonic()
    while (passed := time.monotonic() - began) < given.soak and broker.process.poll() is None:
        print(f"{passed:5.0f} s: broker {broker.memory():.0f} MB, {broker.seconds():.0f} s of processor time", flush=True)
        time.sleep(min(60, given.soak - passed))
    for pipe in pipes:
        pipe.send("stop")
    found = [one for pipe in pipes if pipe.poll(DEADLINE + 30) for one in pipe.recv()]
    for process in crowd:
        process.kill()
        process.join()
    time.sleep(15)  # more than the broker takes to notice, and to give memory back
    return soaked(given, broker, found)


def soaked(given, broker, found):
    heads, latencies = {}, sorted(one for *_, own in found for one in own)
    for room, mid, *_ in found:
        heads[room] = heads.get(room, 0) + mid
    lost = sum(lost + (mid - acked) + (heads[room] - taken - lost) for room, mid, acked, _, taken, lost, *_ in found)
    troubles = [told for *_, told, _ in found for told in told]
    alive = broker.process.poll() is None
    return (f"{len(found)} of {given.clients} honest clients, {sum(one[1] for one in found)} messages, {len(latencies)} deliveries: p50 "
            f"{percentile(latencies, 0.5):.1f} ms, p99 {percentile(latencies, 0.99):.1f} ms, worst {latencies[-1]:.0f} ms; lost {lost}; told off "
            f"{len(troubles)}; broker {'alive' if alive else 'gone'}, {broker.memory() if alive else 0:.0f} MB at the end")


def compared(ratios):
    """The median, and each."""
    return (f"{statistics.median(ratios):.2f}", " ".join(f"{one:.2f}" for one in ratios)) if ratios else ("", "")


if __name__ == "__main__":
    main()
