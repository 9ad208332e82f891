/**
 * All rooms whose names begin in the same way: `follow` of PROTOCOL.md. Each of them has a Room of its own; the list of rooms, frames and pongs show
 * which there are. `for await` reads all of them in one loop.
 *
 * Events: `entry`, `lost`, `ready`, `recovered` `{ entries }`, `forgotten` `{ room, seq }`: beyond `roomsMax` the positions of those that moved least
 * recently are kept no more.
 */
import { Emitter } from "./emitter.js";
import { ZrelayError } from "./error.js";
import { Budget } from "./feed.js";
import { Room } from "./room.js";

const ROOMS_MAX = 10000; // rooms whose positions are kept
const LIST_WAIT = 5000; // milliseconds until a list that was refused is asked for again

export class Prefix extends Emitter {
  name;
  isReady = false;
  rooms = new Map(); // in the order in which they moved
  #prefix;
  #session;
  #make;
  #roomsMax;
  #budget = new Budget();
  #listing = null; // the names so far
  #listed = false; // once, in any session
  #listAgain = false;
  #givenUp = false; // positions were forgotten
  #unready = new Set();
  #recovered = 0;
  #wasReady = false;
  #turns = new Set(); // rooms that may have an item, in turn
  #readers = [];
  #entering;
  #over = false;

  /** `makeRoom(name, options, followed)` makes a Room. `options`: `last` entries of each room, or with `after` 0 all of them, else new ones only. */
  constructor(session, prefix, options, makeRoom, roomsMax = ROOMS_MAX) {
    super();
    if (options.after || options.epoch) throw new ZrelayError("bad-argument", "rooms of a prefix are read from new entries, from the last few, or after 0");
    this.name = `${prefix}*`;
    this.#prefix = prefix;
    this.#session = session;
    this.#make = (name) => makeRoom(name, { ...options, presence: false }, {
      budget: this.#budget,
      ready: () => this.#turn(name),
      item: (event, item) => this.emit(event, item),
      whole: (recovered) => this.#whole(name, recovered),
    });
    this.#roomsMax = roomsMax;
    this.#entering = new Promise((resolve, reject) => {
      this.once("ready", resolve);
      this.once("refused", reject);
      this.once("closed", () => reject(new ZrelayError("closed", "it was left before it was joined")));
    });
    this.#entering.catch(() => {}); // the program may not wait for it
  }

  covers(room) {
    return room.startsWith(this.#prefix);
  }

  // For programs

  /** Fulfilled once all rooms are whole up to now; rejected when the broker refuses it. */
  entered() {
    return this.#entering;
  }

  /** Reads these rooms no more; loops end. */
  leave() {
    if (this.#over) return;
    this.#session.ask("unfollow", { prefix: this.#prefix }, () => {}, { again: false, early: false });
    for (const room of this.rooms.values()) room.leave();
    this.close();
  }

  /** The next item for a loop; rooms take turns. */
  next() {
    const item = this.#take();
    if (item) return Promise.resolve({ value: item, done: false });
    if (this.#over) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  [Symbol.asyncIterator]() {
    return { next: () => this.next(), return: () => (this.leave(), Promise.resolve({ value: undefined, done: true })) };
  }

  #take() {
    for (let left = this.#turns.size; left > 0; left--) {
      const [room] = this.#turns;
      this.#turns.delete(room);
      const item = room.feed.take();
      if (room.feed.waiting > 0) this.#turns.add(room);
      if (item) return item;
    }
    return undefined;
  }

  #turn(name) {
    const room = this.rooms.get(name);
    if (!room) return;
    this.#turns.add(room);
    while (this.#readers.length > 0) {
      const item = this.#take();
      if (!item) return;
      this.#readers.shift()({ value: item, done: false });
    }
  }

  // The session

  /** Frames come now: follow, then list. */
  enter() {
    this.#listing = null;
    this.#session.ask("follow", { prefix: this.#prefix }, (error) => {
      if (this.#over || error?.code === "interrupted" || error?.code === "closed") return;
      if (!error) return this.#list();
      if (this.#listed) return this.#later(() => this.enter());
      this.refuse(error);
    }, { again: false, early: false });
  }

  refuse(error) {
    this.emit("refused", error);
    this.close();
  }

  #later(run) {
    this.#session.after(LIST_WAIT, `list ${this.#prefix}`, run);
  }

  #list() {
    this.#listAgain = this.#listing !== null;
    if (this.#listAgain) return;
    this.#listing = new Set();
    this.#page(this.#listing, {});
  }

  #page(names, after) {
    this.#session.ask("rooms", { prefix: this.#prefix, ...after }, (error, m) => {
      if (this.#over || names !== this.#listing || error?.code === "interrupted" || error?.code === "closed") return;
      if (error) {
        this.#listing = null;
        return this.#later(() => this.#list());
      }
      for (const { room, seq } of m.rooms) {
        names.add(room);
        (this.rooms.get(room) ?? this.#add(room))?.listed(seq);
      }
      if (m.more && m.rooms.length > 0) return this.#page(names, { after: m.rooms.at(-1).room });
      this.#complete(names);
    }, { again: false, early: false });
  }

  #complete(names) {
    this.#listing = null;
    this.#listed = true;
    for (const [name, room] of [...this.rooms]) if (!names.has(name)) room.unlisted();
    if (this.#listAgain) this.#list();
    this.#look();
  }

  down() {
    this.#listing = null;
    this.isReady = false;
    this.#session.cancel(`list ${this.#prefix}`);
    this.#unready = new Set(this.rooms.keys());
    for (const room of this.rooms.values()) room.down();
  }

  /** The broker lost its log: positions are void. */
  epoch() {
    for (const room of this.rooms.values()) room.epoch();
  }

  /**
   * Another room. Once the list is whole it is new: all of it is from now on. Once positions were given up, it may be one of those, and is read
   * from its next frame on; `prev` is that of the frame, if it was one that showed it.
   */
  #add(name, prev) {
    if (!this.covers(name) || (this.#listed && this.#givenUp && prev === undefined) || !this.#makePlace()) return undefined;
    const room = this.#make(name);
    this.rooms.set(name, room);
    this.#unready.add(name);
    if (this.#listed && this.#listing === null) room.unlisted(this.#givenUp ? prev : 0);
    return room;
  }

  #makePlace() {
    if (this.rooms.size < this.#roomsMax) return true;
    for (const [name, room] of this.rooms) {
      if (!room.isIdle) continue;
      this.#givenUp = true;
      this.rooms.delete(name);
      this.#unready.delete(name);
      this.emit("forgotten", { room: name, seq: room.position.after });
      room.leave();
      return true;
    }
    return false; // all of them have something under way
  }

  // Reading

  deliver(frame) {
    const known = this.rooms.get(frame.room);
    if (known) {
      this.rooms.delete(frame.room);
      this.rooms.set(frame.room, known); // it moved last
    }
    (known ?? this.#add(frame.room, frame.prev))?.deliver(frame);
  }

  pong({ heads = {}, list }) {
    for (const [name, head] of Object.entries(heads)) if (this.covers(name)) (this.rooms.get(name) ?? this.#add(name))?.pong(head);
    if (list) this.#list();
  }

  #whole(name, recovered) {
    this.#recovered += recovered;
    this.#unready.delete(name);
    this.#look();
  }

  /** It is whole once all rooms are listed and whole. */
  #look() {
    if (this.isReady || this.#unready.size > 0 || this.#listing !== null || !this.#listed || this.#over) return;
    this.isReady = true;
    if (this.#wasReady) this.emit("recovered", { entries: this.#recovered });
    this.#wasReady = true;
    this.#recovered = 0;
    this.emit("ready", {});
  }

  close() {
    if (this.#over) return;
    this.#over = true;
    this.#session.cancel(`list ${this.#prefix}`);
    for (const room of this.rooms.values()) room.close();
    for (const resolve of this.#readers.splice(0)) resolve({ value: undefined, done: true });
    this.emit("closed");
  }
}
