/** The client as programs see it: one session, its rooms, and what it publishes. */
import { Emitter } from "./emitter.js";
import { ZrelayError } from "./error.js";
import { Log } from "./log.js";
import { Prefix } from "./prefix.js";
import { Publisher } from "./publisher.js";
import * as requests from "./requests.js";
import { Room } from "./room.js";
import { Session } from "./session.js";
import { REPLAY, STATE, roomName } from "./wire.js";
import { Worker, process } from "./worker.js";

const CONNECT_PATIENCE = 10000; // milliseconds until `connect` gives up, by default
const CLOSE_PATIENCE = 5000; // milliseconds that `close` waits for acks and for the answer to `bye`, by default
const AGENT = "zrelay.js 0.1.0";

/**
 * Events: `status` `{ state, why }` with the states `connecting`, `online`, `offline` and `closed`; `recovered` `{ entries, lost }` once all
 * rooms are whole again after a lost session; `lost` and `left` of any room; `epoch`; `direct` `{ from, text, time }`, with `ask`
 * if an answer is wanted, and `answer` if it answers a request; `problem` (ZrelayError) for what the program may want to tell its user.
 */
export class Relay extends Emitter {
  status = "connecting";
  #session;
  #publisher;
  #rooms = new Map();
  #prefixes = new Map();
  #parts = new Set(); // of both, the oldest first
  #workers = new Map();
  #lastWorker = 0;
  #edge;
  #logs = new Map(); // of rooms that are read just now
  #recovering = null; // parts that are not whole yet, and what came meanwhile

  /** `edge` has `open`, `after`, `now`, `random` and `id`: see edge.js. */
  constructor(edge, options) {
    super();
    const { client = edge.id(), agent = AGENT, queueBytes } = options;
    this.client = client;
    this.#edge = edge;
    this.#session = new Session(edge, { ...options, client, agent }, () => ({ rooms: [...this.#rooms.keys()], prefixes: [...this.#prefixes.keys()] }));
    this.#publisher = new Publisher((frame) => this.#session.sendFrame(frame), this.#session.limits, edge.after);
    if (queueBytes !== undefined) this.#publisher.queueBytes = queueBytes;
    this.#listen(this.#session);
  }

  #listen(session) {
    const passed = { ack: (frame) => this.#publisher.ack(frame), refused: (m, error) => this.#publisher.refuse(m, error) };
    const room = (name, call) => this.#rooms.has(name) && call(this.#rooms.get(name));
    session.on("live", () => this.#live());
    session.on("down", () => this.#down());
    session.on("waiting", ({ why }) => this.#became("offline", why));
    session.on("epoch", (epoch) => this.#epoch(epoch));
    session.on("deliver", (frame) => this.#deliver(frame));
    session.on("presence", (name, change) => room(name, (each) => each.presenceFrame(change)));
    session.on("pong", (m) => this.#pong(m));
    session.on("left", (m) => room(m.room, (each) => each.left(m)));
    session.on("crowded", (error) => this.#crowded(error));
    session.on("pause", (wait) => this.#pause(wait));
    session.on("ended", (error) => this.#ended(error));
    session.on("direct", ({ op: _, ...m }) => this.emit("direct", m));
    session.on("problem", (error) => this.emit("problem", error));
    for (const name of ["work", "settled", "unsettled", "dismissed", "lost"]) session.on(name, (m, error) => this.#workers.get(m.worker)?.[name](m, error));
    for (const [name, handle] of Object.entries(passed)) session.on(name, handle);
  }

  // For programs

  get nick() {
    return this.#session.nick;
  }

  get user() {
    return this.#session.user;
  }

  get epoch() {
    return this.#session.epoch;
  }

  get limits() {
    return { ...this.#session.limits };
  }

  get rooms() {
    return this.#rooms;
  }

  /** Entries that wait for their ack. */
  get unanswered() {
    return this.#publisher.unanswered;
  }

  /** Fulfilled once the broker lets the client in; see `connect`. */
  open(patience = CONNECT_PATIENCE) {
    return new Promise((resolve, reject) => {
      const offs = [];
      const end = (settle, value) => {
        for (const off of offs) off();
        this.#session.cancel("connect");
        settle(value);
      };
      offs.push(this.#session.on("live", () => end(resolve, this)), this.on("closed", (error) => end(reject, error)));
      if (patience > 0) {
        this.#session.after(patience, "connect", () => {
          this.#ended(new ZrelayError("timed-out", `no broker answered within ${patience} ms`));
        });
      }
      this.#session.dial();
    });
  }

  /** Joins a room; fulfilled once the room is whole up to now. A room that was joined already is given again. */
  async join(name, options = {}) {
    const room = this.room(name, options);
    await room.entered();
    return room;
  }

  /** As `join`, for programs that want each event from the first entry on: gives the Room at once; `room.entered()` is fulfilled later. */
  room(name, options = {}) {
    if (this.status === "closed") throw new ZrelayError("closed", "the client was closed");
    if (name.endsWith("*")) return this.#prefix(name.slice(0, -1).normalize("NFC"), options);
    return this.#rooms.get(roomName(name)) ?? this.#begin(this.#rooms, roomName(name), this.#makeRoom(roomName(name), options), "rooms");
  }

  #prefix(prefix, options) {
    const make = (name, roomOptions, followed) => this.#makeRoom(name, roomOptions, followed);
    return this.#prefixes.get(prefix) ?? this.#begin(this.#prefixes, prefix, new Prefix(this.#session, prefix, options, make), "prefixes");
  }

  #makeRoom(name, options, followed) {
    const room = new Room(this.#session, () => this.#log(name), (...values) => this.publish(...values), name, options, followed);
    room.on("lost", (lost) => this.emit("lost", lost));
    room.on("left", (left) => this.emit("left", left));
    room.on("deaf", () => this.#resubscribe());
    return room;
  }

  /** `part` is a room or a prefix: it is read from now on. */
  #begin(all, name, part, kind) {
    all.set(name, part);
    this.#parts.add(part);
    part.on("closed", () => {
      if (!all.delete(name)) return;
      this.#parts.delete(part);
      this.#session.unsubscribe({ [kind]: [name] });
      this.#partReady(part);
    });
    part.on("ready", () => this.#partReady(part));
    part.on("recovered", ({ entries }) => this.#recovering && (this.#recovering.entries += entries));
    if (this.#session.state === "live") this.#whenSubscribed({ [kind]: [name] }, () => all.get(name) === part && part.enter());
    else if (this.#session.state === "subscribing") this.#session.subscribe({ [kind]: [name] });
    return part;
  }

  /** The subscriptions may be dead, since live frames did not come. */
  #resubscribe() {
    if (this.#session.armed("subscribe")) return;
    this.#whenSubscribed(this.#session.names(), () => {
      this.#session.ping();
      for (const room of this.#rooms.values()) room.hearing();
    });
  }

  #whenSubscribed(names, then) {
    const number = this.#session.subscribe(names);
    const off = this.#session.on("subscribed", (newest) => {
      if (newest < number) return;
      off();
      then();
    });
    this.#session.once("down", off); // a new session subscribes anew
  }

  /**
   * Works for a group of the room: `for await` over the result gives jobs, each of them to one worker of the group at a time, again and again
   * until one says `done`. `credit`: so many jobs that are not settled may be here. The first worker makes the group, with the further options,
   * which are those of PROTOCOL.md: `time`, `deliveries`, `backoff`, `dead`, `ordered`, `each`, `total`, `keep`, and `make`, `all`, `now`, `after`.
   */
  work(room, group, { credit = 1, ...options } = {}) {
    const worker = new Worker(this.#session, this.#edge, ++this.#lastWorker, credit, { room: roomName(room), group, ...options });
    this.#workers.set(worker.number, worker);
    worker.on("closed", () => this.#workers.delete(worker.number));
    if (this.status === "closed") worker.close(new ZrelayError("closed", "the client was closed"));
    else if (this.#session.state === "live") worker.enter();
    return worker;
  }

  /**
   * Runs `handler(job)` for each job of the group, `concurrency` at a time, until `signal` aborts or the relay ends. A job is done when its handler
   * ends, and tried again when it throws (event `problem`), unless the handler settled it. The job is extended as long as its handler runs.
   */
  process(room, group, handler, { concurrency = 10, signal, ...options } = {}) {
    const worker = this.work(room, group, { credit: concurrency, ...options });
    if (signal?.aborted) worker.leave();
    signal?.addEventListener("abort", () => worker.leave(), { once: true });
    return process(worker, handler, concurrency, this.#edge, (error) => this.emit("problem", error));
  }

  /** The groups of a room, or a page of those of all rooms: `{ groups, more }`. */
  groups({ room, after } = {}) {
    return this.#request("groups", { room, after });
  }

  /** `what` is `set`, `pause`, `resume`, `seek` or `delete`; `members` are those of PROTOCOL.md's op `group`. */
  group(room, group, what, members = {}) {
    return this.#request("group", { room: roomName(room), group, do: what, ...members });
  }

  /** Publishes to any room; the promise is fulfilled with the ack `{ room, seq, level }`, and rejected when the broker refuses. */
  publish(room, body, options) {
    if (this.status === "closed") return Promise.reject(new ZrelayError("closed", "the client was closed"));
    return this.#publisher.publish(room, body, options);
  }

  /** A text for the sessions of one nick; nothing keeps it. */
  direct(to, text) {
    return this.#request("direct", { to, text }, { again: false });
  }

  /**
   * Asks the sessions of the nick `to`, or the readers of `room`; fulfilled with the first answer `{ from, text, time }`. Rejected with `timed-out` after
   * `timeout` milliseconds (10,000), `no-such-user`, `failed` if the answer says so, or `interrupted`.
   */
  request(text, options) {
    return requests.request(this, this.#edge, this.#send, text, options);
  }

  /** The same for all answers that come in time: `for await`. */
  answers(text, options) {
    return requests.answers(this, this.#edge, this.#send, text, options);
  }

  /** Answers a direct message with `ask`, or an entry of a room. `failed`: the text says why there is no answer. */
  answer(asked, text, options) {
    return requests.answer(this.#send, asked, text, options);
  }

  /**
   * Answers requests with what `handler(asked)` returns, until `signal` aborts: those to this nick, or those to `room`, which the workers of `group` share.
   * When the handler throws, the answer says so (event `problem`).
   */
  serve(handler, options) {
    return requests.serve(this, handler, options);
  }

  #send = (op, members) => this.#request(op, members, { again: false });

  /** What presence shows of this user in all rooms: a JSON object, such as `{ status: "writing" }` or `{ away: "at lunch" }`; `{}` for nothing. */
  show(meta) {
    return new Promise((resolve, reject) => this.#session.show(meta, (error) => (error ? reject(error) : resolve())));
  }

  /** A page of the rooms that this user may read: `{ rooms: [{ room, seq, count }], more }`. */
  list({ prefix, after, limit } = {}) {
    return this.#request("rooms", { prefix, after, limit });
  }

  /** Everybody in a room, also in a crowded one, page by page: `{ users, count, silent, more }`. */
  who(room, { after, limit } = {}) {
    return this.#request("who", { room: roomName(room), after, limit });
  }

  /**
   * Entries of any room, also of one that is not joined: those `after` a seq, or the `last` ones; none beyond `until`, at most `limit`.
   * Gives `{ entries, seq, complete, more }`; with `more`, go on after `seq`.
   */
  history(room, { after, last, until, limit } = {}) {
    return this.#read(room, (log, done) => log.slice({ after, last, until, limit }, done));
  }

  /** The last value of each key of any room: `{ seq, entries }`, a Map from key to Entry, valid at `seq`. */
  async snapshot(room) {
    const entries = new Map();
    for (let after = 0, seq; ; ) {
      const slice = await this.#read(room, (log, done) => log.keyed(after, done));
      for (const entry of slice.entries) entries.set(entry.key, entry);
      seq ??= slice.seq;
      if (!slice.more) return { seq, entries };
      after = slice.next;
    }
  }

  #read(room, ask) {
    const name = roomName(room);
    const log = this.#log(name);
    return new Promise((resolve, reject) => ask(log, (error, slice) => {
      if (error) reject(error);
      else resolve(slice);
    }));
  }

  #log(name) {
    if (!this.#logs.has(name)) this.#logs.set(name, new Log(this.#session, name, () => this.#logs.delete(name)));
    return this.#logs.get(name);
  }

  #request(op, members, options) {
    return new Promise((resolve, reject) => {
      this.#session.ask(op, members, (error, { op: _, re, ...answer } = {}) => (error ? reject(error) : resolve(answer)), options);
    });
  }

  /** The network is back: tries to connect at once. */
  hurry() {
    this.#session.hurry();
  }

  /** Waits for the acks, at most `patience` milliseconds, says `bye`, and ends. */
  close({ patience = CLOSE_PATIENCE } = {}) {
    return new Promise((resolve) => {
      const end = () => {
        this.#session.cancel("close");
        this.#session.bye(patience, () => {
          this.#ended();
          resolve();
        });
      };
      let ended = false;
      const once = () => !ended && ((ended = true), end());
      this.#session.after(patience, "close", once);
      this.#publisher.whenIdle(once);
    });
  }

  // The session

  #became(state, why) {
    if (this.status === state || this.status === "closed") return;
    this.status = state;
    this.emit("status", { state, why });
  }

  #live() {
    this.#became("online");
    for (const part of [...this.#parts]) part.enter();
    for (const log of [...this.#logs.values()]) log.next();
    this.#publisher.start();
    for (const worker of [...this.#workers.values()]) worker.enter();
    if (this.#recovering && this.#recovering.parts.size === 0) this.#recovered();
  }

  #down() {
    this.#publisher.stop();
    this.#recovering ??= { entries: 0, lost: false, parts: null };
    this.#recovering.parts = new Set(this.#parts);
    for (const part of [...this.#parts]) part.down();
    for (const worker of this.#workers.values()) worker.down();
    this.#became("offline");
  }

  /** The gateway reads no more rooms for one client: the newest are refused. */
  #crowded(error) {
    const most = Math.min(this.#session.limits.rooms ?? Infinity, this.#parts.size - 1);
    for (const part of [...this.#parts].slice(most)) part.refuse(error);
  }

  #partReady(part) {
    if (!this.#recovering?.parts.delete(part)) return;
    if (this.#recovering.parts.size === 0 && this.#session.state === "live") queueMicrotask(() => this.#recovered());
  }

  #recovered() {
    const { entries, lost } = this.#recovering ?? {};
    if (entries === undefined) return;
    this.#recovering = null;
    this.emit("recovered", { entries, lost });
  }

  #epoch(epoch) {
    if (this.#recovering) this.#recovering.lost = true;
    this.emit("epoch", epoch);
    for (const part of [...this.#parts]) part.epoch();
    for (const worker of [...this.#workers.values()]) worker.epoch();
  }

  #deliver(frame) {
    if (frame.flags & (REPLAY | STATE)) return this.#logs.get(frame.room)?.frame(frame);
    this.#rooms.get(frame.room)?.deliver(frame);
    for (const prefix of [...this.#prefixes.values()]) if (prefix.covers(frame.room)) prefix.deliver(frame);
  }

  #pong({ heads = {}, versions = {}, more, list }) {
    for (const [name, room] of this.#rooms) room.pong(own(heads, name), own(versions, name));
    for (const prefix of [...this.#prefixes.values()]) prefix.pong({ heads, list });
    if (more) this.#session.ping();
  }

  #pause(wait) {
    this.#publisher.stop();
    for (const worker of this.#workers.values()) worker.pause();
    this.#session.after(wait, "pause", () => {
      if (this.#session.state !== "live") return;
      this.#publisher.resume();
      for (const worker of [...this.#workers.values()]) worker.resume();
    });
  }

  #ended(error = new ZrelayError("closed", "the client was closed")) {
    this.#became("closed", error.message);
    this.#session.close(error);
    this.#publisher.close(error);
    for (const part of [...this.#parts]) part.close();
    for (const worker of [...this.#workers.values()]) worker.close(error.code === "closed" ? undefined : error);
    this.emit("closed", error);
  }
}

/** A room may be called `__proto__`. */
const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);
