// What the unit tests share: an edge with a clock that the test moves, and golden vectors.
import { readFileSync, readdirSync } from "node:fs";
import { Servers } from "../../../../client/js/lib/servers.js";
import { Entry } from "../../../../client/js/lib/wire.js";

/** The outside world of a session. `links` are those that it opened; a link has `sent` (control as objects, frames as bytes) and handlers. */
export class FakeEdge {
  links = [];
  time = 0;
  servers = new Servers([{ endpoint: "first" }]);
  #timers = new Set();

  open = (handlers) => {
    const link = { ...handlers, server: this.servers.now.endpoint, sent: [], isClosed: false, close: () => (link.isClosed = true) };
    link.send = (data) => link.sent.push(typeof data === "string" ? JSON.parse(data) : data);
    link.tell = (message) => handlers.frame(JSON.stringify(message));
    this.links.push(link);
    return link;
  };

  now = () => this.time;
  random = () => 0.5;
  id = () => "00112233445566778899aabbccddeeff";

  after = (wait, run) => {
    const timer = { due: this.time + wait, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Lets time pass: timers fire in order. */
  pass(milliseconds) {
    const end = this.time + milliseconds;
    for (;;) {
      const next = [...this.#timers].filter(({ due }) => due <= end).sort((one, other) => one.due - other.due)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.time = next.due;
      next.run();
    }
    this.time = end;
  }

  get link() {
    return this.links.at(-1);
  }

  /** The control frames with this op that the newest link sent. */
  sent(op) {
    return this.link.sent.filter((each) => each.op === op);
  }
}

export const EPOCH = "8f3a6c01d2e4b597";

export const welcome = (members = {}) => ({
  op: "welcome", re: "hello", proto: 1, epoch: EPOCH, nick: "ann", resume: "token-1", resumed: false, back: "tcp://127.0.0.1:5571", heartbeat: 1000,
  level: "memory", limits: { frame: 1000, control: 65536, entries: 10, body: 1000, rooms: 1000, replays: 2, window: 1000 }, ...members,
});

/** Answers `hello` and `subscribe`: the session is live then. */
export function goLive(edge, members) {
  edge.link.opened();
  edge.link.tell(welcome(members));
  edge.link.tell({ op: "subscribed", re: edge.sent("subscribe").at(-1).id });
}

export const entry = (seq, { room = "lobby", sender = "bob", key, text = `entry ${seq}`, deleted = false } = {}) =>
  new Entry(room, seq, seq * 1000, deleted, sender, key, new TextEncoder().encode(text));

const VECTORS = new URL("../../../vectors/", import.meta.url);

/** All golden vectors: `{ name, frame, kind, from, expect, value }`. */
export function vectors() {
  return readdirSync(VECTORS).filter((name) => name.endsWith(".hex")).map((name) => {
    const vector = { name, bytes: [] };
    for (const line of readFileSync(new URL(name, VECTORS), "utf8").split("\n")) {
      const [, member, value] = line.match(/^# (kind|from|expect|value): (.*)$/) ?? [];
      if (member) vector[member] = member === "value" ? JSON.parse(value) : value;
      vector.bytes.push(...(line.split("#")[0].match(/[0-9a-f]{2}/g) ?? []).map((pair) => parseInt(pair, 16)));
    }
    return { ...vector, frame: new Uint8Array(vector.bytes) };
  });
}
