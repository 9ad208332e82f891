#!/usr/bin/python3
"""Acked-on-disk messages a second: zrelayd --data, which syncs before each ack, beside nats-server with JetStream file storage, which with its
default settings does not. Both run on loopback with folders side by side; rounds are interleaved and medians and ratios printed.

Usage: tests/bench/store.py [--build DIR] [--rounds N] [--messages N] [--size BYTES] [--publishers N,N...]
Needs nats-server (Debian). Nothing else should run meanwhile."""
import argparse
import json
import os
import re
import secrets
import selectors
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time

import home

import zmq


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Zrelay:
    name = "zrelayd --data (synced)"

    def __init__(self, build, folder, size):
        self.client = os.path.join(build, "client/zrelay")
        self.size, self.folder = size, folder
        self.process = subprocess.Popen([os.path.join(build, "broker/zrelayd"), "--data", os.path.join(folder, "zrelay"),
                                         "--listen", "tcp://127.0.0.1:*"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.server = re.search(r"listening on ([^,]+),", self.process.stdout.readline()).group(1)

    def publish(self, publishers, messages):
        """Seconds until every message is acked."""
        lines = os.path.join(self.folder, f"lines-{messages}")
        if not os.path.exists(lines):
            with open(lines, "wb") as file:
                file.write((b"x" * self.size + b"\n") * messages)
        begin = time.monotonic()
        running = []
        for _ in range(publishers):
            with open(lines, "rb") as file:
                running.append(subprocess.Popen([self.client, "-s", self.server, "pub", "bench"], stdin=file))
        for one in running:
            if one.wait() != 0:
                raise SystemExit("a publisher failed")
        return time.monotonic() - begin

    def front(self):
        """A session over a plain DEALER."""
        front = zmq.Context.instance().socket(zmq.DEALER)
        front.connect(self.server)
        front.send_json({"op": "hello", "proto": 1, "client": secrets.token_hex(16)})
        front.recv()
        return front

    def ack_latencies(self, count=1000):
        """Milliseconds from publishing a lone message to its ack."""
        front, times = self.front(), []
        for mid in range(1, count + 1):
            frame = b"\x01\x05alone" + struct.pack(">QBBI", mid, 0, 0, self.size) + b"x" * self.size
            begin = time.monotonic()
            front.send(frame)
            front.recv()
            times.append((time.monotonic() - begin) * 1000)
        front.close(0)
        return sorted(times)

    def replay(self):
        """Entries a second out of the store into frames, a slice at a time, and into a program that prints them."""
        front, after, entries = self.front(), 0, 0
        front.send_json({"op": "rooms", "prefix": "bench"})
        head = front.recv_json()["rooms"][0]["seq"]
        begin = time.monotonic()
        front.send_json({"op": "replay", "room": "bench", "after": 0})
        while after < head:
            frame = front.recv()
            if frame[:1] == b"{":
                answer = json.loads(frame)
                after, entries = answer["seq"], entries + answer["count"]
                front.send_json({"op": "replay", "room": "bench", "after": after})
        frames = entries / (time.monotonic() - begin)
        front.close(0)
        begin = time.monotonic()
        subprocess.run([self.client, "-s", self.server, "history", "bench"], stdout=subprocess.DEVNULL, check=True)
        return frames, entries / (time.monotonic() - begin)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class JetStream:
    """The NATS protocol by hand: frames are made beforehand, so that the generator costs next to nothing."""
    name = "nats-server JetStream file"
    WINDOW = 4000  # messages a publisher has unacked, as its client libraries have by default

    def __init__(self, folder, size):
        self.port = free_port()
        self.process = subprocess.Popen(["nats-server", "-js", "-sd", os.path.join(folder, "nats"), "-a", "127.0.0.1", "-p",
                                         str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        connection = self.connect("setup")
        connection.sendall(b'PUB $JS.API.STREAM.CREATE.bench setup 81\r\n'
                           b'{"name":"bench","subjects":["bench"],"storage":"file","retention":"limits"}      \r\n')
        answer = connection.recv(65536)
        while b"\r\n{" not in answer:
            answer += connection.recv(65536)
        if b'"error"' in answer:
            raise SystemExit(answer.decode())
        connection.close()
        self.frame = b"PUB bench %%s %d\r\n%s\r\n" % (size, b"x" * size)

    def connect(self, inbox):
        end = time.monotonic() + 10
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port))
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        connection.sendall(b'CONNECT {"verbose":false}\r\nSUB %s 1\r\nPING\r\n' % inbox.encode())
        greeting = b""
        while b"PONG\r\n" not in greeting:
            greeting += connection.recv(4096)
        return connection

    def publish(self, publishers, messages):
        batch = 500
        ready = selectors.DefaultSelector()
        begin = time.monotonic()
        for number in range(publishers):
            inbox = f"acks{number}"
            connection = self.connect(inbox)
            connection.setblocking(False)
            state = {"frames": (self.frame % inbox.encode()) * batch, "left": messages, "unacked": 0, "out": memoryview(b""), "acked": 0,
                     "tail": b""}
            ready.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, state)
        busy = publishers
        while busy:
            for key, events in ready.select():
                state, connection = key.data, key.fileobj
                if events & selectors.EVENT_READ:
                    data = state["tail"] + connection.recv(1 << 20)  # an ack may come in two pieces
                    acks, state["tail"] = data.count(b'"seq"'), data[-4:]
                    state["acked"] += acks
                    state["unacked"] -= acks
                    if state["acked"] == messages:
                        ready.unregister(connection)
                        connection.close()
                        busy -= 1
                        continue
                if not state["out"] and state["left"] and state["unacked"] + batch <= self.WINDOW:
                    count = min(batch, state["left"])
                    state["out"] = memoryview(state["frames"])[:len(state["frames"]) // batch * count]
                    state["left"] -= count
                    state["unacked"] += count
                if state["out"]:
                    try:
                        state["out"] = state["out"][connection.send(state["out"]):]
                    except BlockingIOError:
                        pass
                wanted = bool(state["out"]) or (state["left"] and state["unacked"] + batch <= self.WINDOW)
                ready.modify(connection, selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0), state)
        return time.monotonic() - begin

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--build", default=os.path.join(os.path.dirname(__file__), "../../build"))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--messages", type=int, default=500_000)
    options.add_argument("--size", type=int, default=100)
    options.add_argument("--publishers", default="1,50")
    given = options.parse_args()
    home.own()
    for publishers in map(int, given.publishers.split(",")):
        each = given.messages // publishers
        rates = {Zrelay.name: [], JetStream.name: []}
        ratios, latencies, replays = [], [], []
        for _ in range(given.rounds):
            folder = tempfile.mkdtemp(prefix="zrelay-bench-")
            peers = [Zrelay(given.build, folder, given.size), JetStream(folder, given.size)]
            for peer in peers:
                peer.publish(1, 1000)  # warm
                rates[peer.name].append(each * publishers / peer.publish(publishers, each))
                if isinstance(peer, Zrelay) and publishers == 1:
                    latencies += peer.ack_latencies()
                    replays.append(peer.replay())
                peer.close()
            ratios.append(rates[Zrelay.name][-1] / rates[JetStream.name][-1])
            shutil.rmtree(folder)
        print(f"{publishers} publisher{'s' * (publishers > 1)}, {given.size}-byte messages, {given.rounds} rounds, medians:")
        for name, values in rates.items():
            print(f"  {name:28} {statistics.median(values):>12,.0f} messages/s acked   ({min(values):,.0f} – {max(values):,.0f})")
        print(f"  ratio                        {statistics.median(ratios):>12.1f}")
        if latencies:
            latencies.sort()
            print(f"  a lone message to its ack: p50 {latencies[len(latencies) // 2]:.2f} ms, p99 {latencies[len(latencies) * 99 // 100]:.2f} ms")
            print(f"  replay: {statistics.median(frames for frames, _ in replays):,.0f} entries/s from the store into frames, "
                  f"{statistics.median(program for _, program in replays):,.0f} into a program that prints them")


if __name__ == "__main__":
    main()
