/**
 * Reads a room's log: replays and snapshots, one after the other, since their frames name the room and not the request.
 * A task has `op`, `again`, `begin()`, `members()`, `frame(deliver)` and `done(error, answer)`; with `again` it begins anew in a new session.
 */
export class Log {
  #session;
  #room;
  #tasks = [];
  #running = null;
  #idle;

  /** `idle` is called when nothing is left to do. */
  constructor(session, room, idle) {
    this.#session = session;
    this.#room = room;
    this.#idle = idle;
  }

  run(task) {
    this.#tasks.push(task);
    this.next();
  }

  /** A DELIVER frame with the flag REPLAY or STATE. */
  frame(deliver) {
    this.#running?.frame(deliver);
  }

  /** Begins the next task; also after a new session. */
  next() {
    if (this.#running || this.#tasks.length === 0) return;
    const task = (this.#running = this.#tasks.shift());
    task.begin();
    this.#session.ask(task.op, { room: this.#room, ...task.members() }, (error, answer) => this.#answered(task, error, answer),
      { again: false, early: false });
  }

  #answered(task, error, answer) {
    this.#running = null;
    if (error?.code === "interrupted" && task.again) this.#tasks.unshift(task);
    else task.done(error, answer);
    if (this.#session.state === "live" || this.#session.state === "closed") this.next();
    if (this.#running === null && this.#tasks.length === 0) this.#idle();
  }

  /** A slice: `members` are those of `replay`. Calls `done(error, { entries, seq, complete, more, room })`. */
  slice(members, done) {
    this.#collect("replay", members, (error, answer) => done(error, { room: this.#room, ...answer }));
  }

  /** A slice of the keyed entries after a seq. Calls `done(error, { entries, seq, next, more })`. */
  keyed(after, done) {
    this.#collect("state", { after }, done);
  }

  #collect(op, members, done) {
    let entries;
    this.run({
      op,
      again: true,
      begin: () => (entries = []),
      members: () => members,
      frame: (frame) => entries.push(...frame.entries),
      done: (error, answer) => done(error, error ? undefined : { ...answer, entries }),
    });
  }
}
