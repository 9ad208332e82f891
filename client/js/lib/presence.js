/** The users present in a room, as PROTOCOL.md, section 5, has them. `ask(members, done)` asks `who`; `tell(change)` gets each change. */
export class Presence {
  /** nick: what `who` says of the user, `{ nick, meta? }`. */
  users = new Map();
  count = 0;
  crowded = false;
  #ask;
  #tell;
  #version = 0;
  #asked = null; // the pages of a `who` that is under way, and the frames that came meanwhile

  constructor(ask, tell) {
    this.#ask = ask;
    this.#tell = tell;
  }

  get version() {
    return this.#version;
  }

  /** The session joined the room, in this session for the first time: what was known is void. */
  joined({ version = 0, count, crowded = false }) {
    this.#asked = null;
    if (!crowded) return this.refresh();
    this.#version = version;
    this.#became(new Map(), { count, crowded });
  }

  /** Asks for everybody from the first page on. */
  refresh() {
    this.#asked = { users: new Map(), version: null, frames: [], heard: 0 };
    this.#page(this.#asked);
  }

  #page(asked, after) {
    this.#ask(after === undefined ? {} : { after }, (error, m) => {
      if (asked !== this.#asked) return; // a newer one is under way
      if (error) return void (this.#asked = null);
      for (const user of m.users) asked.users.set(user.nick, user);
      asked.version ??= m.version;
      if (m.more && m.users.length > 0) return this.#page(asked, m.users.at(-1).nick);
      this.#asked = null;
      this.#version = asked.version;
      this.crowded = m.crowded ?? false;
      this.#became(asked.users, { count: m.count, crowded: this.crowded });
      for (const frame of asked.frames) this.frame(frame);
      this.heard(asked.heard); // no pong names it again
    });
  }

  /** A presence frame of the room. */
  frame(m) {
    if (this.#asked) return void this.#asked.frames.push(m);
    if (m.version <= this.#version) return;
    if (m.crowded) {
      this.#version = m.version;
      this.crowded = true;
      return this.#became(new Map(), { count: m.count, crowded: true });
    }
    const ends = this.crowded || (m.crowded === false);
    if (ends || m.version > this.#version + 1) return this.refresh();
    this.#version = m.version;
    const users = new Map(this.users);
    for (const { nick } of m.left) users.delete(nick);
    for (const user of m.joined) users.set(user.nick, user);
    for (const { nick, meta } of m.changed ?? []) if (users.has(nick)) users.set(nick, Object.keys(meta).length > 0 ? { nick, meta } : { nick });
    this.#became(users, { count: m.count, crowded: false, reasons: new Map(m.left.map((user) => [user.nick, user])) });
  }

  /** A `pong` named this version, and its frame had time to come. */
  heard(version) {
    if (this.#asked) this.#asked.heard = Math.max(this.#asked.heard, version);
    else if (version > this.#version) this.refresh();
  }

  #became(users, { count, crowded, reasons = new Map() }) {
    const joined = [...users.values()].filter(({ nick }) => !this.users.has(nick));
    const left = [...this.users.keys()].filter((nick) => !users.has(nick)).map((nick) => reasons.get(nick) ?? { nick });
    const changed = [...users.values()].filter((user) => this.users.has(user.nick) && !same(user, this.users.get(user.nick)));
    const moved = count !== this.count || crowded !== this.crowded;
    Object.assign(this, { users, count, crowded });
    if (moved || joined.length + left.length + changed.length > 0) this.#tell({ joined, left, changed, count, crowded });
  }
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
