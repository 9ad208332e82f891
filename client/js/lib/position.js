/**
 * How far a reader of a room came, and what that makes of the frames and answers it gets: PROTOCOL.md, section 7. It decides; room.js acts.
 */
export class Position {
  last = null; // seq up to which the entries were taken; null until the room says where to begin
  heard = 0; // newest seq that was heard of since the last replay was asked for
  #replay = null; // what the replay under way must know at its end

  /** A DELIVER frame that is no replay. Gives `{ entries }` to take, or `{ gap: true }`. */
  live({ prev, entries }) {
    const newest = entries.at(-1).seq;
    if (this.last === null || prev > this.last) {
      this.heard = Math.max(this.heard, newest);
      return { entries: [], gap: this.last !== null };
    }
    if (this.#replay) this.#replay.live = true;
    return { entries: this.#take(entries), gap: false };
  }

  #take(entries) {
    const news = entries.filter(({ seq }) => seq > (this.last ?? -1));
    if (news.length > 0) this.last = news.at(-1).seq;
    return news;
  }

  /** A replay is asked for. */
  ask() {
    this.heard = 0;
    this.#replay = { after: this.last ?? 0, live: false, hole: null };
  }

  /** A frame of the replay: only the first may begin later than it was asked for. */
  replay({ prev, entries }) {
    if (this.last !== null && prev > this.last && this.#replay) this.#replay.hole ??= { after: this.last, next: prev };
    return this.#take(entries);
  }

  /** The replay's end. Gives `lost`, `{ after, next }` or null, and `again`: another replay is needed. */
  replayed({ seq, complete, more }, judge = true) {
    const { after = this.last, live = false, hole = null } = this.#replay ?? {};
    this.#replay = null;
    const lost = complete || !judge ? null : (hole ?? { after: this.last, next: Math.max(seq, this.last ?? 0) });
    this.last = Math.max(seq, this.last ?? 0);
    return { lost, again: more || this.heard > this.last || (live && after === 0) };
  }

  /** The answer to `join` with `after`. Gives `lost`, or null; also null if live frames that follow have overtaken the answer. */
  joined({ seq, oldest, recovered }, after) {
    if (this.last === null || this.last !== after || (recovered !== false && seq >= this.last)) return null;
    const lost = { after: this.last, next: oldest };
    this.last = oldest;
    return lost;
  }

  /** A `pong` named the head. True: entries may be missing, unless they come within a short grace. */
  head(seq) {
    if (this.last === null) return false;
    this.heard = Math.max(this.heard, seq);
    return this.heard > this.last;
  }

  get behind() {
    return this.last !== null && this.heard > this.last;
  }

  /** Another epoch: every position is void. Gives `lost`. */
  epoch() {
    const lost = this.last === null ? null : { after: this.last, next: 0 };
    if (lost) this.last = 0;
    this.heard = 0;
    this.#replay = null;
    return lost;
  }
}
