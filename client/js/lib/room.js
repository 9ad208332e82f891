/**
 * A room that this client reads: every entry once and in order, and a `lost` event where entries are gone. `for await` reads it as a loop.
 *
 * Events: `entry` (Entry), `lost` `{ room, reason, after, next }`, `presence`, `ready` and `recovered` `{ entries }` after each new session,
 * `gap` `{ after }`, `left` `{ reason, seq }`.
 */
import { Emitter } from "./emitter.js";
import { ZrelayError } from "./error.js";
import { Feed } from "./feed.js";
import { Position } from "./position.js";
import { Presence } from "./presence.js";
import { LiveState } from "./state.js";

const GRACE = 250; // milliseconds that live frames may come later than the `pong` that names them

export class Room extends Emitter {
  name;
  /** True from the end of the first replay on, and again in each session. */
  isReady = false;
  #session;
  #publish;
  #options;
  #position = new Position();
  #log;
  #presence;
  #feed;
  #state = null;
  #entering;
  #joined = false; // in this session
  #repairing = false;
  #recovered = 0; // entries since the session was lost
  #wasReady = false;
  #followed; // a room of a prefix: the session is no member of it
  #parked = false; // the broker does not let us read it now
  #version = 0; // newest version of presence that a `pong` named
  #over = false;

  /**
   * `log()` gives what reads the room's log. `options`: `last` entries or `after` a seq to begin with, else new ones only; `presence` false joins
   * silently; `meta`. `followed` is set for a room of a prefix, which says when to begin: `{ budget, ready, item, whole }`, see prefix.js.
   */
  constructor(session, log, publish, name, options, followed = null) {
    super();
    Object.assign(this, { name });
    this.#session = session;
    this.#publish = publish;
    this.#options = options;
    this.#log = log;
    this.#followed = followed;
    this.#presence = new Presence((members, done) => this.#ask("who", members, done), (change) => this.emit("presence", change));
    this.#feed = new Feed((after, limit, done) => this.#log().slice({ after, limit }, done), () => this.#position.last ?? 0, followed?.budget, followed?.ready);
    this.#entering = new Promise((resolve, reject) => {
      this.once("ready", resolve);
      this.once("refused", reject);
      this.once("closed", () => reject(new ZrelayError("closed", "the room was left before it was joined", { room: name })));
    });
    this.#entering.catch(() => {}); // the program may not wait for it
    this.#position.last = options.after ?? null;
  }

  // For programs

  get presence() {
    return this.#presence;
  }

  /** Fulfilled once the room is whole up to now; rejected when the broker refuses it. */
  entered() {
    return this.#entering;
  }

  /** Where a reader goes on later: `{ epoch, after }`, as `join` takes them. */
  get position() {
    return { epoch: this.#session.epoch, after: this.#position.last ?? 0 };
  }

  /** Publishes; the promise is fulfilled with the ack. */
  publish(body, options) {
    return this.#publish(this.name, body, options);
  }

  /** What presence shows of this user in this room, instead of what it shows elsewhere; `{}` for nothing. */
  show(meta) {
    const before = this.#options;
    this.#options = { ...before, meta };
    const { presence = true } = before;
    return new Promise((resolve, reject) => this.#ask("join", { presence, meta }, (error) => {
      if (!error || error.code === "interrupted") return resolve(); // after a lost session the next join says it
      this.#options = before;
      reject(error);
    }, { again: false, early: false }));
  }

  /** The live state, once its snapshot is here. */
  async state() {
    if (!this.#wasReady) await this.entered(); // a snapshot from before would miss what came between the two
    if (!this.#state) {
      this.#state = new LiveState((after, done) => this.#log().keyed(after, done), (body, options) => this.publish(body, options));
      this.#state.loaded = new Promise((resolve, reject) => this.#state.reload((error) => (error ? reject(error) : resolve())));
    }
    await this.#state.loaded;
    return this.#state;
  }

  /** Older entries: the last `limit` before the seq `before`. Gives `{ entries, complete, more }`. */
  history({ before, limit = 50 } = {}) {
    const members = before === undefined ? { last: limit } : { last: limit, until: before - 1 };
    if (before !== undefined && before <= 1) return Promise.resolve({ entries: [], complete: true, more: false });
    return new Promise((resolve, reject) => this.#log().slice(members, (error, slice) => (error ? reject(error) : resolve(slice))));
  }

  /** Leaves the room; its loops end. */
  leave() {
    if (this.#over) return;
    if (!this.#followed) this.#session.ask("leave", { room: this.name }, () => {}, { again: false, early: false });
    this.#feed.drop();
    this.close();
  }

  next() {
    return this.#feed.next();
  }

  [Symbol.asyncIterator]() {
    return { next: () => this.next(), return: () => (this.leave(), Promise.resolve({ value: undefined, done: true })) };
  }

  // The session

  #ask(op, members, done, options) {
    this.#session.ask(op, { room: this.name, ...members }, done, options);
  }

  /** The room's frames come now: join, then replay. */
  enter() {
    const { epoch, after } = this.#options;
    this.#options = { ...this.#options, epoch: undefined };
    if (after !== undefined && epoch !== undefined && epoch !== this.#session.epoch) this.epoch();
    const { last } = this.#position;
    const { presence = true, meta } = this.#options;
    this.#ask("join", { ...(last === null ? {} : { after: last }), presence, meta }, (error, m) => this.#entered(last, error, m), { again: false, early: false });
  }

  #entered(after, error, m) {
    if (this.#over || error?.code === "interrupted" || error?.code === "closed") return;
    if (error) return this.refuse(error);
    this.#joined = true;
    this.#lost(this.#position.joined(m, after), "gone");
    if (this.#options.presence !== false) this.#presence.joined(m);
    this.#begin(m.seq);
  }

  #begin(seq) {
    if (this.#position.last !== null) return this.#repair();
    const { last = 0 } = this.#options;
    if (last > 0) return this.#repair({ last });
    this.#position.last = seq;
    if (this.#position.behind) this.#repair();
    else this.#ready();
  }

  // A room of a prefix

  get feed() {
    return this.#feed;
  }

  /** Nothing is under way, and nothing waits for a loop. */
  get isIdle() {
    return this.#joined && !this.#repairing && this.#feed.waiting === 0;
  }

  /** Its frames come, and this is its head. */
  listed(seq) {
    this.#joined = true;
    this.#parked = false;
    const known = this.#position.last !== null;
    this.#position.head(seq);
    if (known && !this.#position.behind && !this.#repairing) this.#ready();
    else this.#begin(seq);
  }

  /** The list does not name it. It has come up since, and is read after the seq `first`. Or it is gone, with entries that did not come. */
  unlisted(first = 0) {
    this.#joined = true;
    this.#parked = false;
    this.#position.last ??= first;
    if (this.#position.behind || this.#position.last > 0) this.#repair();
    else this.#ready();
  }

  refuse(error) {
    this.emit("refused", error);
    this.#end({ type: "left", room: this.name, reason: error.code });
  }

  down() {
    this.#joined = false;
    this.isReady = false;
    this.#session.cancel(this.#timer);
  }

  get #timer() {
    return `grace ${this.#followed ? "followed " : ""}${this.name}`;
  }

  /** The broker lost its log: positions are void. */
  epoch() {
    this.#lost(this.#position.epoch(), "epoch");
  }

  left(m) {
    this.#end({ type: "left", room: this.name, reason: m.reason, seq: m.seq });
  }

  #end(item) {
    if (this.#over) return;
    this.#feed.push(item);
    this.emit("left", item);
    this.close();
  }

  close() {
    if (this.#over) return;
    this.#over = true;
    this.#feed.end();
    this.#state?.end();
    this.emit("closed");
  }

  // Reading

  deliver(frame) {
    if (this.#over) return;
    this.#parked = false;
    const { entries, gap } = this.#position.live(frame);
    this.#take(entries);
    if (gap && this.#joined) this.#repair();
  }

  #take(entries) {
    for (const entry of entries) {
      if (!this.isReady) this.#recovered++;
      if (entry.key !== undefined) this.#state?.entry(entry);
      this.#feed.push(entry);
      this.emit("entry", entry);
      this.#followed?.item("entry", entry);
    }
  }

  pong(head, version) {
    this.#version = Math.max(this.#version, version ?? 0);
    if (head !== undefined) {
      this.#parked = false;
      this.#position.head(head);
    }
    if (this.#joined && (this.#position.behind || this.#version > this.#presence.version)) this.#judgeLater();
  }

  /** The frames that a `pong` names may still be on their way. */
  #judgeLater() {
    if (this.#session.armed(this.#timer)) return;
    this.#session.after(GRACE, this.#timer, () => {
      if (this.#options.presence !== false) this.#presence.heard(this.#version);
      if (!this.#position.behind) return;
      this.#repair();
      this.emit("deaf"); // live frames may not come at all
    });
  }

  /** Live frames come again; nobody knows which were missed. */
  hearing() {
    if (this.#joined && this.#options.presence !== false) this.#presence.refresh();
  }

  presenceFrame(m) {
    if (this.#joined && !this.#over && this.#options.presence !== false) this.#presence.frame(m);
  }

  /** Replays after the last entry until nothing is missing. */
  #repair(members) {
    if (this.#repairing || this.#over || this.#parked) return;
    this.#repairing = true;
    if (this.isReady) this.emit("gap", { room: this.name, after: this.#position.last });
    this.#log().run({
      op: "replay",
      again: false,
      begin: () => this.#position.ask(),
      members: () => members ?? { after: this.#position.last },
      frame: (frame) => this.#take(this.#position.replay(frame)),
      done: (error, m) => this.#repaired(error, m, members === undefined),
    });
  }

  #repaired(error, m, judge) {
    this.#repairing = false;
    if (this.#over || error?.code === "interrupted" || error?.code === "closed") return;
    if (error && this.#followed) {
      this.#parked = true; // until a frame, a pong or a list names it again
      return this.#ready();
    }
    if (error) return this.refuse(error);
    const { lost, again } = this.#position.replayed(m, judge);
    this.#lost(lost, "gone");
    if (again) this.#repair();
    else this.#ready();
  }

  #lost(lost, reason) {
    if (!lost) return;
    const item = { type: "lost", room: this.name, reason, ...lost };
    this.#feed.push(item);
    this.emit("lost", item);
    this.#followed?.item("lost", item);
    this.#state?.reload();
  }

  #ready() {
    if (this.isReady) return;
    this.isReady = true;
    if (this.#wasReady) this.emit("recovered", { room: this.name, entries: this.#recovered });
    this.#followed?.whole(this.#wasReady ? this.#recovered : 0);
    this.#wasReady = true;
    this.#recovered = 0;
    this.emit("ready", this.position);
  }
}
