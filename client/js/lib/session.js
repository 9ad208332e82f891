/**
 * The life of a session, as PROTOCOL.md, section 6, has it: hello, subscribe, live, and again after each loss. It knows no socket and no clock:
 * `edge` has `open`, which makes a link to the one of `servers` that is in use, `after`, which sets a timer, and `random`.
 *
 * It tells its events to the listener that made it (see relay.js): welcome, live, down, epoch, pong, deliver, presence, ack, refused, pause,
 * direct, left, work, settled, unsettled, dismissed, lost, ended.
 */
import { Emitter } from "./emitter.js";
import { ZrelayError } from "./error.js";
import { decode } from "./wire.js";

const FIRST_HEARTBEAT = 5000; // milliseconds, until `welcome` names the broker's
const SILENT_HEARTBEATS = 3; // without any frame, after which the link is given up
const WAKE_GRACE = 100; // milliseconds for frames that waited while the machine or the program slept
const BACK_OFF_FIRST = 100; // milliseconds; doubles
const BACK_OFF_LONGEST = 10000;
const SOON_LOST = 10000; // milliseconds; a session that ends sooner does not end the back-off
const SUBSCRIBE_PATIENCE = 10000; // milliseconds until `subscribe` is sent again
const LOGIN_PATIENCE = 120000; // milliseconds that a login may be `queued`
const SUBSCRIBE_ID = "subscribe-";
const subscribeNumber = ({ re }) => Number(String(re).slice(SUBSCRIBE_ID.length));
const RETRY_WAIT = 100; // milliseconds, when the broker names none
const UNANSWERED_MAX = 200; // requests under way; the rest waits here
const FINAL_BYES = ["revoked", "banned", "kicked", "flooding"];
const BACK_OFF_BYES = ["shutdown", "replaced"];
const PASSING_REFUSALS = ["too-many-sessions", "rate-limited"];

export class Session extends Emitter {
  state = "new"; // connecting, greeting, subscribing, live, closed
  epoch = "";
  nick = "";
  token = "";
  resumed = false; // the session before goes on
  heartbeat = FIRST_HEARTBEAT;
  limits = { frame: 1048576, body: 1048576, entries: 4096, window: 65536, replays: 4 };
  #edge;
  #options;
  #link = null;
  #opens = 0;
  #moves = false; // the next attempt goes to the next one
  #attempts = 0;
  #welcomed = false; // ever
  #welcomeAt = -Infinity;
  #loginSince = 0;
  #nextId = 1;
  #subscriptions = 0; // `subscribe` requests so far
  #subscribing = new Set(); // those that were not answered with `subscribed`, rising
  #sent = new Map(); // id: request
  #waiting = []; // requests that are not sent yet
  #timers = new Map();

  /** `options` has `client` (the id), and may have nick, user, token, agent, meta. `names` gives `{ rooms, prefixes }` to subscribe to. */
  constructor(edge, options, names) {
    super();
    this.#edge = edge;
    this.#options = options;
    this.names = names;
  }

  // The link

  /** Opens a link, at the start and whenever the one before is given up. */
  dial() {
    this.cancel("dial");
    this.#drop();
    if (this.state === "closed") return; // the program closed it when it heard of the loss
    this.state = "connecting";
    const open = ++this.#opens;
    const mine = (handle) => (...values) => open === this.#opens && this.state !== "closed" && handle.apply(this, values);
    if (this.#moves) this.#edge.servers.next();
    this.#moves = false;
    this.#link = this.#edge.open({ opened: mine(this.#opened), frame: mine(this.#frame), closed: mine(this.#lost) });
    this.#expectFrames();
  }

  #drop() {
    this.#opens++;
    this.#link?.close();
    this.#link = null;
    this.#down();
  }

  #down() {
    this.cancel("ping", "hello", "subscribe");
    const live = this.state === "live";
    this.state = "connecting";
    const sent = [...this.#sent.values()];
    this.#sent.clear();
    const stays = [...sent.filter((request) => request.again), ...this.#waiting.filter((request) => request.again || request.early)];
    const gone = [...sent, ...this.#waiting].filter((request) => !stays.includes(request));
    this.#waiting = stays;
    if (live) this.emit("down");
    for (const { op, done } of gone) done(new ZrelayError("interrupted", `the session ended before ${op} was answered`));
  }

  #opened() {
    this.greet();
  }

  /** The link ended, or cannot be made. */
  #lost(why) {
    this.#drop();
    if (this.state === "closed") return;
    this.#moves = true;
    const wait = this.#backOff();
    this.emit("waiting", { wait, why });
    this.after(wait, "dial", () => this.dial());
  }

  /** A random time up to a bound that doubles with each attempt in a row. */
  #backOff() {
    if (this.#edge.now() - this.#welcomeAt > SOON_LOST && this.#welcomeAt > -Infinity) this.#attempts = 0;
    this.#welcomeAt = -Infinity;
    return this.#edge.random() * Math.min(BACK_OFF_LONGEST, BACK_OFF_FIRST * 2 ** Math.min(Math.floor(this.#attempts++ / this.#edge.servers.length), 20));
  }

  /** Tries at once instead of after the back-off: the network is back. */
  hurry() {
    if (this.#timers.has("dial")) this.dial();
  }

  #expectFrames() {
    this.cancel("silent");
    this.after(SILENT_HEARTBEATS * this.heartbeat, "silence", () =>
      this.after(WAKE_GRACE, "silent", () => this.#lost("nothing came for three heartbeats")));
  }

  // Timers by name; a name has one timer

  after(wait, name, run) {
    this.cancel(name);
    if (this.state === "closed") return;
    const cancel = this.#edge.after(wait, () => {
      this.#timers.delete(name);
      run();
    });
    this.#timers.set(name, cancel);
  }

  armed(name) {
    return this.#timers.has(name);
  }

  cancel(...names) {
    for (const name of names) {
      this.#timers.get(name)?.();
      this.#timers.delete(name);
    }
  }

  // Greeting

  greet() {
    this.#down();
    if (this.state === "closed") return;
    this.cancel("dial");
    this.state = "greeting";
    const { client, nick, user, token, agent, meta } = this.#options;
    const resume = this.token || undefined;
    this.#send({ op: "hello", id: "hello", proto: 1, client, nick, user, token, agent, meta, resume });
    this.after(this.heartbeat + this.#backOff(), "hello", () => this.greet());
  }

  #welcome(m) {
    Object.assign(this, { token: m.resume, heartbeat: m.heartbeat, nick: m.nick, user: m.user });
    Object.assign(this.limits, m.limits);
    if (this.state !== "greeting") return this.#renewed(m);
    this.#edge.servers.learn(m.peers);
    this.cancel("hello");
    this.#loginSince = 0;
    this.#welcomeAt = this.#edge.now();
    const before = this.epoch;
    this.resumed = m.resumed === true;
    this.epoch = m.epoch;
    if (before && before !== m.epoch) this.emit("epoch", { before, now: m.epoch });
    this.state = "subscribing";
    this.#ping();
    this.#welcomed = true;
    this.#subscribeAnew();
  }

  /** What presence shows of this session, from now on. The connection stays. */
  show(meta, done) {
    const before = this.#options;
    this.#options = { ...before, meta };
    this.ask("hello", { proto: 1, client: before.client, nick: this.nick, meta }, (error) => {
      const refused = error && error.code !== "interrupted"; // after a lost session the next hello says it
      if (refused) this.#options = before;
      done(refused ? error : null);
    }, { again: false, early: false });
  }

  /** The answer to `show`, or to a hello that was sent twice. A connection that was made anew unnoticed has a session without rooms. */
  #renewed(m) {
    if (!this.#sent.has(m.re)) return;
    this.#answer(null, m);
    if (!m.resumed) this.greet();
  }

  /** Subscribes to further rooms and prefixes, and returns a number: the event `subscribed` with it, or a higher one, says that their frames come. */
  subscribe({ rooms = [], prefixes = [] }) {
    if (rooms.length > 0 || prefixes.length === 0) this.#subscribe({ rooms, presence: true });
    if (prefixes.length > 0) this.#subscribe({ prefixes });
    if (!this.armed("subscribe")) this.after(SUBSCRIBE_PATIENCE, "subscribe", () => this.#subscribeAnew());
    return this.#subscriptions;
  }

  #subscribe(names) {
    this.#subscribing.add(++this.#subscriptions);
    this.#send({ op: "subscribe", id: SUBSCRIBE_ID + this.#subscriptions, ...names });
  }

  /** To all rooms: what was not answered before needs no answer any more. */
  #subscribeAnew() {
    this.cancel("subscribe");
    this.#subscribing.clear();
    this.subscribe(this.names());
  }

  /** These frames are not wanted any more: `{ rooms }` or `{ prefixes }`. */
  unsubscribe(names) {
    if (this.state === "live" || this.state === "subscribing") this.#send({ op: "unsubscribe", ...names });
  }

  /** What the program asked for goes on only once all rooms are live again. */
  #subscribed(m) {
    const number = subscribeNumber(m);
    if (m.epoch !== undefined && m.epoch !== this.epoch) return this.greet();
    if (!this.#subscribing.delete(number)) return;
    const [first = this.#subscriptions + 1] = this.#subscribing;
    if (this.#subscribing.size === 0) {
      this.cancel("subscribe");
      if (this.state === "subscribing") {
        this.state = "live";
        this.emit("live");
      }
    }
    this.emit("subscribed", first - 1);
    this.#flush();
  }

  /** Sends a ping now, and every heartbeat from now on. */
  #ping() {
    this.ping();
    this.after(this.heartbeat, "ping", () => this.#ping());
  }

  ping() {
    this.#send({ op: "ping" });
  }

  #queued() {
    this.#loginSince ||= this.#edge.now();
    const left = this.#loginSince + LOGIN_PATIENCE - this.#edge.now();
    if (left > 0) this.after(Math.max(this.heartbeat, 2000), "hello", () => this.greet());
  }

  // Requests

  /**
   * Asks, and calls `done(error, answer)` once. `again`: a lost session asks again in the next one; otherwise `done` gets `interrupted`.
   * `early`: without a session, the request waits for the next one.
   */
  ask(op, members, done, { again = true, early = true } = {}) {
    if (this.state === "closed") return done(new ZrelayError("closed", "the client was closed"));
    this.#waiting.push({ op, members, done, again, early });
    this.#flush();
  }

  #flush() {
    if (this.state !== "live") return;
    const held = [];
    for (const request of this.#waiting.splice(0)) {
      if (this.#sent.size >= UNANSWERED_MAX || !this.#replaySlot(request)) held.push(request);
      else this.#sendRequest(request);
    }
    this.#waiting = held;
  }

  #replaySlot({ op }) {
    if (op !== "replay" && op !== "state") return true;
    let busy = 0;
    for (const sent of this.#sent.values()) if (sent.op === "replay" || sent.op === "state") busy++;
    return busy < this.limits.replays;
  }

  #sendRequest(request) {
    const id = this.#nextId++;
    this.#sent.set(id, request);
    this.#send({ op: request.op, id, ...request.members });
  }

  #answer(error, m) {
    const request = this.#sent.get(m.re);
    if (!request) return;
    this.#sent.delete(m.re);
    request.done(error, m);
    this.#flush();
  }

  #send(message) {
    this.#link?.send(JSON.stringify(message));
  }

  /** Sends a PUBLISH frame. */
  sendFrame(frame) {
    this.#link?.send(frame);
  }

  // Frames

  #frame(data) {
    this.#expectFrames();
    if (typeof data === "string") return this.#control(data);
    let frame;
    try {
      frame = decode(data);
    } catch {
      return; // a reader finds by `prev` that it is missing
    }
    if (["ack", "work", "settled"].includes(frame.kind)) this.emit(frame.kind, frame);
    else if (this.state === "live" && frame.kind === "deliver" && frame.epoch === this.epoch) this.emit("deliver", frame);
    else if (this.state === "live" && frame.kind === "deliver") this.ping(); // of another log: the broker may be another one
    else if (this.state === "live" && frame.kind === "presence") this.emit("presence", frame.room, frame.change);
  }

  #control(text) {
    let m;
    try {
      m = JSON.parse(text);
    } catch {
      return;
    }
    const handlers = { welcome: this.#welcome, queued: this.#queued, subscribed: this.#subscribed, error: this.#error, bye: this.#bye };
    if (Object.hasOwn(handlers, m.op)) handlers[m.op].call(this, m);
    else if (m.op === "presence" && m.room !== undefined) this.state === "live" && this.emit("presence", m.room, m);
    else if (["pong", "direct", "left", "dismissed", "lost"].includes(m.op)) this.emit(m.op, m);
    else if (m.re !== undefined) this.#answer(null, m);
  }

  #error(m) {
    if (m.code === "no-session") return this.#noSession();
    if (m.re === "hello") return this.#refusedHello(m);
    if (String(m.re).startsWith(SUBSCRIBE_ID)) return this.#refusedSubscribe(m);
    if (m.code === "rate-limited" || m.code === "too-many-replays") return this.#limited(m);
    const error = new ZrelayError(m.code, m.text, m);
    if (m.mid !== undefined) this.emit("refused", m, error);
    if (m.settle !== undefined) this.emit("unsettled", m, error);
    if (m.re !== undefined) this.#answer(error, m);
    else if (m.mid === undefined && m.settle === undefined) this.emit("problem", error);
  }

  #noSession() {
    if (this.state !== "subscribing" && this.state !== "live") return; // an answer to a frame from before the hello
    if (this.#edge.now() - this.#welcomeAt < SOON_LOST) this.#lost("the session was lost soon after it began");
    else this.greet();
  }

  #limited(m) {
    const wait = m.wait ?? RETRY_WAIT;
    if (m.re === undefined) return this.emit("pause", wait);
    const request = this.#sent.get(m.re);
    if (!request) return;
    this.#edge.after(wait, () => {
      if (this.#sent.get(m.re) !== request) return; // the session ended meanwhile
      this.#sent.delete(m.re);
      this.#waiting.unshift(request);
      this.#flush();
    });
  }

  #refusedHello(m) {
    if (m.code === "rate-limited") {
      if (!this.#loginSince) this.after(m.wait ?? RETRY_WAIT, "hello", () => this.greet());
      return;
    }
    const again = PASSING_REFUSALS.includes(m.code) || (m.code === "nick-in-use" && this.#welcomed);
    const error = new ZrelayError(m.code, m.text, m);
    if (!again) return this.#end(error);
    this.emit("problem", error);
    this.after(this.#backOff() + BACK_OFF_FIRST, "hello", () => this.greet());
  }

  /** All rooms are subscribed to again: at once, when the event `crowded` took some out, or else later. */
  #refusedSubscribe(m) {
    if (!this.#subscribing.has(subscribeNumber(m))) return;
    const { rooms = [], prefixes = [] } = this.names();
    const crowded = m.code === "too-many-joins" && rooms.length + prefixes.length > 0;
    this.emit(crowded ? "crowded" : "problem", new ZrelayError(m.code, m.text, m));
    if (crowded) this.#subscribeAnew();
    else this.after(m.wait ?? SUBSCRIBE_PATIENCE, "subscribe", () => this.#subscribeAnew());
  }

  #bye(m) {
    if (FINAL_BYES.includes(m.reason)) return this.#end(new ZrelayError(m.reason, "the broker ended the session"));
    if (m.reason === "shutdown" && this.#edge.servers.length > 1) return this.#lost("the broker ends"); // to another one, not to this one once more
    this.#down();
    this.after(BACK_OFF_BYES.includes(m.reason) ? this.#backOff() : 0, "hello", () => this.greet());
  }

  /** The broker lets this client in no more. */
  #end(error) {
    this.close(error);
    this.emit("ended", error);
  }

  // The end

  /** Says `bye`, and calls `done` once the broker heard it, or after `patience` milliseconds. */
  bye(patience, done) {
    if (this.state !== "live") return done();
    let over = false;
    const end = () => !over && ((over = true), done());
    this.ask("bye", {}, end, { again: false });
    this.after(patience, "bye", end);
  }

  close(error = new ZrelayError("closed", "the client was closed")) {
    if (this.state === "closed") return;
    const unanswered = [...this.#sent.values(), ...this.#waiting];
    this.#sent.clear();
    this.#waiting = [];
    this.#drop();
    this.state = "closed";
    this.cancel(...this.#timers.keys());
    for (const request of unanswered) request.done(error);
  }
}
