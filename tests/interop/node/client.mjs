#!/usr/bin/env node
// A zrelay client for one room, written with the npm package zeromq from common/PROTOCOL.md alone.
// Commands are lines on stdin, events are JSON lines on stdout: see ../README.md.
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Dealer, Subscriber } from "zeromq";

const SYNC_PATIENCE = 2000; // milliseconds until another nonce is tried
const GRACE = 250; // milliseconds that live frames may come later than the pong that names them
const REPLAY = 0x01; // flag of a DELIVER frame
const TTL = 0x08; // flag of an entry, and the bytes that it adds

const tell = (event, members = {}) => console.log(JSON.stringify({ event, ...members }));
const u64 = (frame, at) => Number(frame.readBigUInt64BE(at)); // seqs and ids stay below 2^53

/** The { seq, sender, body } of each entry of a DELIVER frame, from offset `at` on. */
function* entries(frame, at) {
  const take = (size) => frame.subarray(at, (at += size));
  while (at < frame.length) {
    const seq = u64(take(8), 0);
    take(8); // time
    const flags = take(1)[0];
    const sender = take(take(1)[0]).toString();
    take(take(1)[0]); // key
    take(flags & TTL);
    yield { seq, sender, body: take(take(4).readUInt32BE()).toString() };
  }
}

class Client {
  clientId = randomBytes(16).toString("hex"); // stays the same over all connections of this run
  token = "";
  epoch = "";
  heartbeat = 5000;
  attempts = 0;
  state = "greeting"; // then syncing, live; leaving
  last = 0; // seq up to which we have the room's entries
  head = 0; // newest seq we heard of since the last replay was asked for
  mid = 0;
  unacked = new Map(); // message id: its frame
  sentMid = 0; // the last id sent in this session
  underWay = 0; // bytes of frames that are unanswered, at most `window`
  window = 0;
  nonces = 0; // tried on this SUB
  status = 0;
  present = new Set();
  version = 0; // of the room's presence
  asked = null; // while `who` is under way: the nicks so far, and the presence frames that came meanwhile
  timers = new Map();

  constructor({ server, room, nick }) {
    Object.assign(this, { server, room, nick });
    this.entryTopic = Buffer.from(room + "\x00");
    this.presenceTopic = Buffer.from(room + "\x01");
    this.reconnect();
  }

  after(wait, name) {
    this.cancel(name);
    const run = () => {
      this.timers.delete(name);
      this[name]();
    };
    this.timers.set(name, setTimeout(run, wait));
  }

  cancel(...names) {
    for (const name of names) {
      clearTimeout(this.timers.get(name));
      this.timers.delete(name);
    }
  }

  /** A Dealer takes one send at a time, so each waits for the one before it. */
  send(frame) {
    const front = this.front;
    this.sent = this.sent
      .then(() => front.send(frame))
      .catch((error) => {
        if (front === this.front && !front.closed) throw error;
      });
  }

  ask(op, members = {}) {
    this.send(JSON.stringify({ op, id: op, ...members }));
  }

  async read(socket, handle) {
    for await (const [frame] of socket) if (!socket.closed) handle.call(this, frame);
  }

  // The session

  /** New sockets: at the start, and when nothing was heard for three heartbeats. */
  reconnect() {
    this.drop(this.front);
    this.drop(this.sub);
    this.sub = null;
    this.sent = Promise.resolve();
    this.front = new Dealer({ linger: 1000, sendHighWaterMark: 0 });
    this.front.connect(this.server);
    this.read(this.front, this.fromFront);
    this.greet();
    this.after(3 * this.heartbeat, "silence");
  }

  /** Once more: a process that was stopped finds what came meanwhile a moment after it goes on. */
  silence() {
    this.after(100, "silent");
  }

  silent() {
    tell("silence");
    this.reconnect();
  }

  drop(socket) {
    if (socket) socket.linger = 0;
    socket?.close();
  }

  greet() {
    this.state = "greeting";
    this.ready = false;
    this.cancel("ping", "sync", "checkTail", "join", "replay", "askWho");
    const resume = this.token ? { resume: this.token } : {};
    this.ask("hello", { proto: 1, client: this.clientId, nick: this.nick, agent: "interop", ...resume });
    this.after(this.heartbeat + this.backOff(), "greet");
  }

  backOff() {
    return Math.random() * Math.min(10000, 100 * 2 ** this.attempts++);
  }

  welcome(m) {
    this.token = m.resume;
    this.heartbeat = m.heartbeat;
    this.window = m.limits.window;
    this.back = m.back;
    if (this.state !== "greeting") return; // the answer to a hello that was sent twice
    this.cancel("greet");
    this.attempts = 0;
    this.sentMid = this.underWay = 0;
    this.state = "syncing";
    this.replaying = false;
    this.asked = null;
    if (m.epoch !== this.epoch) {
      if (this.epoch) tell("epoch", { old: this.epoch, new: m.epoch });
      this.epoch = m.epoch;
      this.last = this.head = 0;
    }
    this.listen();
    this.after(this.heartbeat, "ping");
  }

  /** A new SUB for each session: the old one may hold frames of another epoch. Also when this one seems dead. */
  listen() {
    this.drop(this.sub);
    this.sub = new Subscriber(); // its send high-water mark cannot be set, but 1000 subscriptions are enough here
    this.sub.connect(this.back);
    if (!this.deaf) this.sub.subscribe(this.entryTopic, this.presenceTopic);
    this.read(this.sub, this.fromBack);
    this.nonce = null;
    this.nonces = 0;
    this.sync();
  }

  sync() {
    if (this.nonces++ === 2) return this.listen();
    if (this.nonce) this.sub.unsubscribe(this.nonce);
    this.nonce = Buffer.from("\xff" + randomBytes(8).toString("hex"), "latin1");
    this.sub.subscribe(this.nonce);
    this.after(SYNC_PATIENCE, "sync");
  }

  synced(m) {
    this.cancel("sync");
    this.nonces = 0;
    if (m.epoch !== this.epoch) {
      this.greet();
    } else if (this.state === "syncing") {
      this.state = "live";
      this.join();
      this.sendEntries();
    } else if (this.state === "live") { // SUB reconnected: what did it miss?
      this.ask("ping");
      this.askWho();
    }
  }

  join() {
    this.ask("join", { room: this.room, after: this.last });
  }

  left(m) {
    tell("left", { reason: m.reason, seq: m.seq });
    this.replaying = false;
  }

  joined(m) {
    if (!m.recovered) {
      tell("lost", { after: this.last, oldest: m.oldest });
      this.last = m.oldest;
    }
    this.askWho();
    this.replay();
  }

  ping() {
    this.ask("ping");
    this.after(this.heartbeat, "ping");
  }

  pong(m) {
    const head = m.heads[this.room] ?? 0;
    if (head <= this.last) return;
    this.head = Math.max(this.head, head);
    this.after(GRACE, "checkTail");
  }

  bye(m) {
    if (["revoked", "banned", "kicked", "flooding"].includes(m.reason)) {
      tell("error", { code: m.reason, text: "the broker ended the session" });
      this.status = 1;
      return this.leave();
    }
    this.state = "greeting";
    this.after(["shutdown", "replaced"].includes(m.reason) ? this.backOff() : 0, "greet");
  }

  error(m) {
    if (m.code === "no-session") {
      if (this.state !== "greeting") this.greet();
      return;
    }
    if (m.code === "rate-limited" || m.code === "too-many-replays") return this.wait(m);
    tell("error", { code: m.code, text: m.text });
    if (m.mid) {
      this.status = 1;
      for (let mid = m.mid; mid <= (m.upto ?? m.mid); mid++) this.answered(mid);
      this.sendEntries();
    }
    if (m.re === "replay") this.replaying = false;
    if (m.re === "who") this.asked = null;
    if ((m.re === "hello" || m.re === "join") && m.code !== "too-many-sessions") {
      this.status = 1;
      this.leave();
    }
  }

  wait(m) {
    const again = { hello: "greet", join: "join", replay: "replay", who: "askWho" };
    if (m.re === "who") this.asked = null;
    if (m.re === undefined) this.after(m.wait, "sendEntries");
    else if (m.re in again) this.after(m.wait ?? 100, again[m.re]);
  }

  // Reading

  fromFront(frame) {
    this.cancel("silent");
    this.after(3 * this.heartbeat, "silence");
    if (frame[0] === 0x7b) {
      const m = JSON.parse(frame);
      if (["welcome", "joined", "replayed", "who", "pong", "left", "bye", "error", "ok"].includes(m.op)) this[m.op](m);
    } else if (frame[0] === 0x02) {
      this.ack(u64(frame, 2));
    } else {
      this.fromRoom(frame);
    }
  }

  fromBack(frame) {
    if (this.state === "greeting") return; // SUB may have found another broker before us: maybe positions of another epoch
    if (frame[0] === 0xff) {
      if (this.isTopic(this.nonce, frame)) this.synced(JSON.parse(frame.subarray(this.nonce.length)));
    } else {
      this.fromRoom(frame);
    }
  }

  fromRoom(frame) { // on either socket: what happens in a private room comes over the DEALER
    if (this.isTopic(this.entryTopic, frame)) {
      this.deliver(frame);
    } else if (this.isTopic(this.presenceTopic, frame)) {
      this.presence(JSON.parse(frame.subarray(this.presenceTopic.length)));
    }
  }

  isTopic(topic, frame) {
    return topic.equals(frame.subarray(0, topic.length));
  }

  deliver(frame) {
    const at = this.entryTopic.length;
    if (frame.toString("hex", at + 2, at + 10) !== this.epoch) return; // of another log: its positions could seem to fit
    const [flags, prev] = [frame[at + 1], u64(frame, at + 10)];
    const news = [...entries(frame, at + 18)];
    if (prev > this.last && !(flags & REPLAY)) return this.missed(news.at(-1).seq, { prev });
    for (const entry of news) {
      if (entry.seq <= this.last) continue;
      this.last = entry.seq;
      tell("entry", entry);
    }
  }

  checkTail() {
    if (this.head <= this.last) return;
    this.missed(this.head, { head: this.head });
    if (!this.timers.has("sync")) this.sync(); // is the SUB dead?
  }

  missed(newest, how) {
    this.head = Math.max(this.head, newest);
    if (this.replaying) return;
    this.gap = true;
    tell("gap", { after: this.last, ...how });
    this.replay();
  }

  replay() {
    this.replaying = true;
    this.head = 0;
    this.ask("replay", { room: this.room, after: this.last });
  }

  replayed(m) {
    if (!m.complete) tell("lost", { after: this.last, reached: m.seq });
    this.replaying = false;
    this.last = Math.max(this.last, m.seq);
    if (m.more || this.head > this.last) return this.replay(); // another slice, or live frames were dropped meanwhile
    if (this.gap) tell("repaired", { seq: this.last });
    if (!this.ready) tell("ready", { seq: this.last, epoch: this.epoch });
    this.gap = false;
    this.ready = true;
  }

  presence(m) {
    if (this.asked) {
      this.asked.frames.push(m);
    } else if (m.version > this.version + 1) {
      this.askWho();
    } else if (m.version > this.version) {
      this.version = m.version;
      const now = new Set(this.present);
      for (const { nick } of m.left) now.delete(nick);
      for (const { nick } of m.joined) now.add(nick);
      this.tellPresence(now, m.count);
    }
  }

  askWho() {
    if (this.asked) return;
    this.asked = { nicks: new Set(), version: null, frames: [] };
    this.ask("who", { room: this.room });
  }

  who(m) {
    const asked = this.asked;
    for (const { nick } of m.users) asked.nicks.add(nick);
    asked.version ??= m.version; // of the first page: later changes come in frames
    if (m.more) return this.ask("who", { room: this.room, after: m.users.at(-1).nick });
    this.asked = null;
    this.version = asked.version;
    this.tellPresence(asked.nicks, m.count);
    for (const frame of asked.frames) this.presence(frame);
  }

  tellPresence(now, count) {
    const joined = [...now].filter((nick) => !this.present.has(nick));
    const left = [...this.present].filter((nick) => !now.has(nick));
    this.present = now;
    if (joined.length + left.length > 0) tell("presence", { joined, left, count });
  }

  // Publishing

  publish(text) {
    const [room, body] = [Buffer.from(this.room), Buffer.from(text)];
    const entry = Buffer.alloc(8 + 1 + 1 + 4); // neither flags nor key
    entry.writeBigUInt64BE(BigInt(++this.mid));
    entry.writeUInt32BE(body.length, 10);
    this.unacked.set(this.mid, Buffer.concat([Buffer.from([0x01, room.length]), room, entry, body]));
    this.sendEntries();
  }

  /** As many as the window has room for; none while the broker wants a pause. */
  sendEntries() {
    if (this.closing && this.unacked.size === 0) this.quit();
    if (this.state !== "live" || this.timers.has("sendEntries")) return;
    for (const [mid, frame] of this.unacked) {
      if (mid <= this.sentMid) continue;
      if (this.underWay && this.underWay + frame.length > this.window) return;
      this.send(frame);
      this.sentMid = mid;
      this.underWay += frame.length;
    }
  }

  answered(mid) {
    if (mid <= this.sentMid) this.underWay -= this.unacked.get(mid)?.length ?? 0;
    this.unacked.delete(mid);
  }

  ack(newest) {
    for (const mid of [...this.unacked.keys()].filter((mid) => mid <= newest)) {
      this.answered(mid);
      tell("acked", { mid });
    }
    this.sendEntries();
  }

  // Commands

  deafen() {
    this.deaf = true;
    this.sub.unsubscribe(this.entryTopic, this.presenceTopic);
    tell("deaf");
  }

  undeafen() {
    this.deaf = false;
    this.sub.subscribe(this.entryTopic, this.presenceTopic);
    tell("hearing");
  }

  close() {
    this.closing = true;
    this.sendEntries();
  }

  quit() {
    if (this.state === "leaving" || this.front.closed) return;
    if (this.state !== "live") return this.leave();
    this.state = "leaving";
    this.ask("bye");
    this.after(1000, "leave");
  }

  ok(m) {
    if (m.re === "bye") this.leave();
  }

  leave() {
    if (this.front.closed) return;
    tell("bye");
    this.cancel(...this.timers.keys());
    this.front.close();
    this.sub?.close();
    process.stdin.destroy();
    process.exitCode = this.status;
  }
}

const option = { type: "string" };
const client = new Client(parseArgs({ options: { server: option, room: option, nick: option } }).values);
const commands = createInterface({ input: process.stdin });
commands.on("line", (line) => {
  const [, command, text] = line.match(/^(\w+) ?(.*)$/);
  client[command](text);
});
commands.on("close", () => client.close());
