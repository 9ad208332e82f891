#!/usr/bin/python3
"""A zrelay client for one room, written with pyzmq from common/PROTOCOL.md alone.

Commands are lines on stdin, events are JSON lines on stdout: see ../README.md.
"""
import argparse
import json
import os
import random
import secrets
import struct
import sys
import time
import zmq

SYNC_PATIENCE = 2.0  # seconds until another nonce is tried
GRACE = 0.25         # seconds that live frames may come later than the pong that names them
REPLAY = 0x01        # flag of a DELIVER frame
TTL = 0x08           # flag of an entry, and the bytes that it adds


def tell(event, **members):
    print(json.dumps({"event": event, **members}), flush=True)


def entries(frame, at):
    """The (seq, sender, body) of each entry of a DELIVER frame, from offset `at` on."""
    while at < len(frame):
        seq, _time, flags, size = struct.unpack_from(">QQBB", frame, at)
        sender, at = frame[at + 18:at + 18 + size], at + 18 + size
        at += 1 + frame[at] + (flags & TTL)  # the key, and the time that its value lasts
        size, = struct.unpack_from(">I", frame, at)
        body, at = frame[at + 4:at + 4 + size], at + 4 + size
        yield seq, sender.decode(), body.decode(errors="replace")


class Client:
    def __init__(self, server, room, nick):
        self.server, self.room, self.nick = server, room, nick
        self.entry_topic, self.presence_topic = room.encode() + b"\x00", room.encode() + b"\x01"
        self.client_id = secrets.token_hex(16)  # stays the same over all connections of this run
        self.token, self.epoch, self.heartbeat, self.attempts = "", "", 5.0, 0
        self.state = "greeting"  # then syncing, live; leaving
        self.last = 0            # seq up to which we have the room's entries
        self.head = 0            # newest seq we heard of since the last replay was asked for
        self.mid, self.unacked = 0, {}  # message id: its frame
        self.sent = self.under_way = 0  # the last id sent in this session, and the bytes of those that are unanswered
        self.window = 0                 # of those, at most
        self.present, self.version, self.users, self.held = set(), 0, None, []
        self.replaying = self.gap = self.ready = self.deaf = self.closing = self.done = False
        self.status = 0
        self.timers = {}  # name of a method: when to call it
        self.context, self.poller = zmq.Context(), zmq.Poller()
        self.poller.register(sys.stdin, zmq.POLLIN)
        self.front = self.sub = None
        self.typed = b""

    def run(self):
        self.reconnect()
        while not self.done:
            wait = min(self.timers.values(), default=time.monotonic() + 1) - time.monotonic()
            for source, _ in self.poller.poll(max(0, wait * 1000)):
                if source == sys.stdin.fileno():
                    self.read_commands()
                elif source is self.front:  # the sockets may have been replaced since the poll
                    self.from_front(source.recv())
                elif source is self.sub:
                    self.from_back(source.recv())
            for name in [name for name, when in self.timers.items() if when <= time.monotonic()]:
                if self.timers.pop(name, None):
                    getattr(self, name)()
        self.context.destroy(linger=1000)
        return self.status

    def after(self, seconds, name):
        self.timers[name] = time.monotonic() + seconds

    def ask(self, op, **members):
        self.front.send(json.dumps({"op": op, "id": op, **members}).encode())

    # The session

    def reconnect(self):
        """New sockets: at the start, and when nothing was heard for three heartbeats."""
        self.drop(self.front)
        self.drop(self.sub)
        self.sub = None
        self.front = self.context.socket(zmq.DEALER)
        self.front.sndhwm = 0
        self.front.connect(self.server)
        self.poller.register(self.front, zmq.POLLIN)
        self.greet()
        self.after(3 * self.heartbeat, "silence")

    def silence(self):
        """Once more: a process that was stopped finds what came meanwhile a moment after it goes on."""
        self.after(0.1, "silent")

    def silent(self):
        tell("silence")
        self.reconnect()

    def greet(self):
        self.state, self.ready = "greeting", False
        for name in ("ping", "sync", "check_tail", "join", "replay", "ask_who"):
            self.timers.pop(name, None)
        resume = {"resume": self.token} if self.token else {}
        self.ask("hello", proto=1, client=self.client_id, nick=self.nick, agent="interop", **resume)
        self.after(self.heartbeat + self.back_off(), "greet")

    def back_off(self):
        self.attempts += 1
        return random.uniform(0, min(10, 0.1 * 2 ** (self.attempts - 1)))

    def welcome(self, m):
        self.token, self.heartbeat, self.window, self.back = m["resume"], m["heartbeat"] / 1000, m["limits"]["window"], m["back"]
        if self.state != "greeting":
            return  # the answer to a hello that was sent twice
        self.timers.pop("greet", None)
        self.attempts, self.state = 0, "syncing"
        self.replaying, self.users, self.held = False, None, []
        self.sent = self.under_way = 0
        if m["epoch"] != self.epoch:
            if self.epoch:
                tell("epoch", old=self.epoch, new=m["epoch"])
            self.epoch, self.last, self.head = m["epoch"], 0, 0
        self.listen()
        self.after(self.heartbeat, "ping")

    def listen(self):
        """A new SUB for each session: the old one may hold frames of another epoch. Also when this one seems dead."""
        self.drop(self.sub)
        self.sub = self.context.socket(zmq.SUB)
        self.sub.sndhwm = 0
        self.sub.connect(self.back)
        self.poller.register(self.sub, zmq.POLLIN)
        if not self.deaf:
            self.sub.subscribe(self.entry_topic)
            self.sub.subscribe(self.presence_topic)
        self.nonce, self.nonces = None, 0
        self.sync()

    def drop(self, socket):
        if socket:
            self.poller.unregister(socket)
            socket.close(linger=0)

    def sync(self):
        if self.nonces == 2:
            self.listen()
            return
        self.nonces += 1
        if self.nonce:
            self.sub.unsubscribe(self.nonce)
        self.nonce = b"\xff" + secrets.token_hex(8).encode()
        self.sub.subscribe(self.nonce)
        self.after(SYNC_PATIENCE, "sync")

    def synced(self, m):
        self.timers.pop("sync", None)
        self.nonces = 0
        if m["epoch"] != self.epoch:
            self.greet()
        elif self.state == "syncing":
            self.state = "live"
            self.join()
            self.send_entries()
        elif self.state == "live":  # SUB reconnected: what did it miss?
            self.ask("ping")
            self.ask_who()

    def join(self):
        self.ask("join", room=self.room, after=self.last)

    def left(self, m):
        tell("left", reason=m["reason"], seq=m["seq"])
        self.replaying = False

    def joined(self, m):
        if not m["recovered"]:
            tell("lost", after=self.last, oldest=m["oldest"])
            self.last = m["oldest"]
        self.ask_who()
        self.replay()

    def ping(self):
        self.ask("ping")
        self.after(self.heartbeat, "ping")

    def pong(self, m):
        head = m["heads"].get(self.room, 0)
        if head > self.last:
            self.head = max(self.head, head)
            self.after(GRACE, "check_tail")

    def bye(self, m):
        if m["reason"] in ("revoked", "banned", "kicked", "flooding"):
            tell("error", code=m["reason"], text="the broker ended the session")
            self.status = 1
            self.leave()
            return
        self.state = "greeting"
        self.after(self.back_off() if m["reason"] in ("shutdown", "replaced") else 0, "greet")

    def error(self, m):
        if m["code"] == "no-session":
            if self.state != "greeting":
                self.greet()
            return
        if m["code"] in ("rate-limited", "too-many-replays"):
            self.wait(m)
            return
        tell("error", code=m["code"], text=m["text"])
        if "mid" in m:
            self.status = 1
            for mid in range(m["mid"], m.get("upto", m["mid"]) + 1):
                self.answered(mid)
            self.send_entries()
        if m.get("re") == "replay":
            self.replaying = False
        elif m.get("re") == "who":
            self.users, self.held, self.version = None, [], 0
        elif m.get("re") in ("hello", "join") and m["code"] != "too-many-sessions":
            self.status = 1
            self.leave()

    def wait(self, m):
        again = {"hello": "greet", "join": "join", "replay": "replay", "who": "ask_who"}
        if m.get("re") == "who":
            self.users = None
        if "re" not in m:
            self.after(m["wait"] / 1000, "send_entries")
        elif m["re"] in again:
            self.after(m.get("wait", 100) / 1000, again[m["re"]])

    # Reading

    def from_front(self, frame):
        self.timers.pop("silent", None)
        self.after(3 * self.heartbeat, "silence")
        if frame[0] == 0x7b:
            m = json.loads(frame)
            answers = {"welcome": self.welcome, "joined": self.joined, "replayed": self.replayed, "who": self.who,
                       "pong": self.pong, "left": self.left, "bye": self.bye, "error": self.error, "ok": self.ok}
            answers.get(m["op"], lambda m: None)(m)
        elif frame[0] == 0x02:
            self.ack(*struct.unpack(">BQQ", frame[1:]))
        else:
            self.from_room(frame)

    def from_back(self, frame):
        if self.state == "greeting":
            return  # SUB may have found another broker before we did: these positions may be of another epoch
        if frame[0] == 0xff:
            if frame.startswith(self.nonce):
                self.synced(json.loads(frame[len(self.nonce):]))
        else:
            self.from_room(frame)

    def from_room(self, frame):
        """On either socket: what happens in a private room comes over the DEALER."""
        if frame.startswith(self.entry_topic):
            self.deliver(frame)
        elif frame.startswith(self.presence_topic):
            self.presence(json.loads(frame[len(self.presence_topic):]))

    def deliver(self, frame):
        at = len(self.entry_topic)
        _version, flags, epoch, prev = struct.unpack_from(">BBQQ", frame, at)
        if "%016x" % epoch != self.epoch:
            return  # of another log: its positions could seem to fit
        news = list(entries(frame, at + 18))
        if prev > self.last and not flags & REPLAY:
            self.missed(news[-1][0], prev=prev)
            return
        for seq, sender, body in news:
            if seq > self.last:
                self.last = seq
                tell("entry", seq=seq, sender=sender, body=body)

    def check_tail(self):
        if self.head > self.last:
            self.missed(self.head, head=self.head)
            if "sync" not in self.timers:
                self.sync()  # is the SUB dead?

    def missed(self, newest, **how):
        self.head = max(self.head, newest)
        if not self.replaying:
            self.gap = True
            tell("gap", after=self.last, **how)
            self.replay()

    def replay(self):
        self.replaying, self.head = True, 0
        self.ask("replay", room=self.room, after=self.last)

    def replayed(self, m):
        if not m["complete"]:
            tell("lost", after=self.last, reached=m["seq"])
        self.replaying, self.last = False, max(self.last, m["seq"])
        if m["more"] or self.head > self.last:  # another slice, or frames that came meanwhile and were dropped
            self.replay()
            return
        if self.gap:
            tell("repaired", seq=self.last)
            self.gap = False
        if not self.ready:
            tell("ready", seq=self.last, epoch=self.epoch)
            self.ready = True

    def presence(self, m):
        if self.users is not None:
            self.held.append(m)  # until `who` is answered
        elif m["version"] > self.version + 1:
            self.ask_who()
        elif m["version"] > self.version:
            self.version = m["version"]
            now = self.present - {user["nick"] for user in m["left"]} | {user["nick"] for user in m["joined"]}
            self.tell_presence(now, m["count"])

    def ask_who(self):
        if self.users is None:
            self.users, self.version = set(), None
            self.ask("who", room=self.room)

    def who(self, m):
        self.users |= {user["nick"] for user in m["users"]}
        if self.version is None:
            self.version = m["version"]  # of the first page: later changes come in frames
        if m["more"]:
            self.ask("who", room=self.room, after=m["users"][-1]["nick"])
            return
        now, held, self.users, self.held = self.users, self.held, None, []
        self.tell_presence(now, m["count"])
        for frame in held:
            self.presence(frame)

    def tell_presence(self, now, count):
        if now != self.present:
            tell("presence", joined=sorted(now - self.present), left=sorted(self.present - now), count=count)
        self.present = now

    # Publishing

    def publish(self, text):
        self.mid += 1
        room, body = self.room.encode(), text.encode()
        self.unacked[self.mid] = bytes([0x01, len(room)]) + room + struct.pack(">QBBI", self.mid, 0, 0, len(body)) + body
        self.send_entries()

    def send_entries(self):
        """As many as the window has room for; none while the broker wants a pause."""
        if self.closing and not self.unacked:
            self.quit()
        if self.state != "live" or "send_entries" in self.timers:
            return
        for mid, frame in self.unacked.items():
            if mid > self.sent:
                if self.under_way and self.under_way + len(frame) > self.window:
                    return
                self.front.send(frame)
                self.sent = mid
                self.under_way += len(frame)

    def answered(self, mid):
        frame = self.unacked.pop(mid, b"")
        if mid <= self.sent:
            self.under_way -= len(frame)

    def ack(self, _level, newest, _seq):
        for mid in [mid for mid in self.unacked if mid <= newest]:
            self.answered(mid)
            tell("acked", mid=mid)
        self.send_entries()

    # Commands

    def read_commands(self):
        read = os.read(sys.stdin.fileno(), 65536)
        *lines, self.typed = (self.typed + read).split(b"\n")
        for line in lines:
            command, _, text = line.decode().partition(" ")
            {"publish": self.publish, "deafen": self.deafen, "undeafen": self.undeafen, "quit": self.quit}[command](
                *[text] if command == "publish" else [])
        if not read:
            self.poller.unregister(sys.stdin)
            self.closing = True
            self.send_entries()

    def deafen(self):
        self.deaf = True
        self.sub.unsubscribe(self.entry_topic)
        self.sub.unsubscribe(self.presence_topic)
        tell("deaf")

    def undeafen(self):
        self.deaf = False
        self.sub.subscribe(self.entry_topic)
        self.sub.subscribe(self.presence_topic)
        tell("hearing")

    def quit(self):
        if self.state == "leaving":
            return
        if self.state != "live":
            return self.leave()
        self.state = "leaving"
        self.ask("bye")
        self.after(1, "leave")

    def ok(self, m):
        if m.get("re") == "bye":
            self.leave()

    def leave(self):
        tell("bye")
        self.done = True


def parse(words):
    options = argparse.ArgumentParser()
    for name in ("--server", "--room", "--nick"):
        options.add_argument(name, required=True)
    return options.parse_args(words)


if __name__ == "__main__":
    sys.exit(Client(**vars(parse(sys.argv[1:]))).run())
