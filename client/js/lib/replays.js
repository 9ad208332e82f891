/**
 * The replays and snapshots of one room, one after the other: their frames name the room and not the request.
 * A task has `op`, `members()`, `begin()`, `frame(deliver)` and `done(error, answer)`; it begins anew in a new session.
 */
export class Replays {
  #session;
  #room;
  #tasks = [];
  #running = null;

  constructor(session, room) {
    this.#session = session;
    this.#room = room;
  }

  get busy() {
    return this.#running !== null;
  }

  run(task) {
    this.#tasks.push(task);
    this.#next();
  }

  /** A DELIVER frame with the flag REPLAY or STATE. */
  frame(deliver) {
    this.#running?.frame(deliver);
  }

  #next() {
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
    if (this.#session.state === "live") this.#next();
  }

  /** There is a session again. */
  live() {
    this.#next();
  }

  close(error) {
    for (const task of this.#tasks.splice(0)) task.done(error);
  }
}
