/**
 * A worker of a group: PROTOCOL.md, "Groups". It takes what the broker hands out, settles it, and goes on after a lost session. It knows no socket
 * and no clock. `for await` over it gives its jobs.
 *
 * Events: `working` (the broker's answer), `lost` (so many messages of the group), `closed` (ZrelayError, or undefined if the program wanted it).
 */
import { Deque } from "./deque.js";
import { Emitter } from "./emitter.js";
import { ZrelayError } from "./error.js";
import {
  DONE,
  EXTEND,
  LEFT,
  REASON_MAX,
  REJECT,
  RETRY,
  RETURN,
  SEQ_MAX,
  SETTLE_MS_MAX,
  SETTLE_RANGES_MAX,
  bytes,
  encodeSettle,
} from "./wire.js";

const STORE_WAIT = 1000; // milliseconds until a SETTLE that could not be stored is sent again
const TIME = 30000; // milliseconds that a job may take, until the broker says it

/** A message that this worker has, and nobody else as long as its time runs. Settle it by one of `done`, `retry` and `reject`. */
export class Job {
  isSettled = false;
  #settle;

  constructor(entry, deliveries, deadline, settle) {
    Object.assign(this, { entry, deliveries, deadline });
    this.#settle = settle;
  }

  get text() {
    return this.entry.text;
  }

  /** The work is done. Fulfilled with the level at which that is stored; rejected with `not-held` if the broker took the job back. */
  done() {
    return this.#settle(this, DONE, 0);
  }

  /** It is to be tried again, by any worker, after `delay` milliseconds; 0: after the group's back-off. */
  retry(delay = 0) {
    return this.#settle(this, RETRY, delay);
  }

  /** Trying again will not help: it is dead. The group's room for dead messages shows `reason`, which has at most 256 bytes. */
  reject(reason = "") {
    return this.#settle(this, REJECT, 0, reason);
  }

  /** It takes longer: so many milliseconds from now on; 0: the group's time. */
  extend(milliseconds = 0) {
    return this.#settle(this, EXTEND, milliseconds);
  }
}

export class Worker extends Emitter {
  number;
  /** The group's options in force, as the broker named them; null until it did. */
  group = null;
  #session;
  #edge;
  #options;
  #credit;
  #held = new Map(); // seq: Job
  #queue = new Deque(); // jobs that the program did not take yet
  #readers = [];
  #nextSettle = 1;
  #settles = new Map(); // number: a SETTLE that is not answered, in their order
  #batch = []; // what is settled at this moment
  #open = false; // the broker knows this worker, and wants no pause
  #leaving = false;
  #closed = false;
  #failure;

  /** `options` are those of the op `work`. */
  constructor(session, edge, number, credit, options) {
    super();
    this.number = number;
    this.#session = session;
    this.#edge = edge;
    this.#credit = credit;
    this.#options = options;
  }

  // For programs

  /** The next job for a loop. */
  next() {
    const job = this.#take();
    if (job) return Promise.resolve({ value: job, done: false });
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#leaving || this.#closed) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  [Symbol.asyncIterator]() {
    return { next: () => this.next(), return: () => (this.leave(), Promise.resolve({ value: undefined, done: true })) };
  }

  /** Fulfilled once the broker took the worker, rejected when it does not. */
  entered() {
    if (this.group) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.once("working", () => resolve());
      this.once("closed", (error) => reject(error ?? new ZrelayError("closed", "the worker has ended")));
    });
  }

  /** Takes no more work. What the program settled is said, and what it did not goes to others then. */
  leave() {
    if (this.#leaving || this.#closed) return;
    this.#leaving = true;
    this.#credit = 0;
    this.#queue.take(() => true);
    this.#flush();
    this.#leaveIfSettled();
    this.#endReaders();
  }

  #leaveIfSettled() {
    if (!this.#leaving || this.#closed || this.#batch.length > 0 || [...this.#settles.values()].some(({ jobs }) => jobs.length > 0)) return;
    this.#session.ask("unwork", { worker: this.number }, () => {}, { again: false, early: false });
    this.close();
  }

  #endReaders() {
    for (const { resolve, reject } of this.#readers.splice(0)) {
      if (this.#failure) reject(this.#failure);
      else resolve({ value: undefined, done: true });
    }
  }

  /** The next job. One whose time ran out while it waited is not ours any more. */
  #take() {
    for (let job; (job = this.#queue.shift()); ) {
      if (job.deadline > this.#edge.now()) return job;
      if (this.#held.get(job.entry.seq) === job) this.#held.delete(job.entry.seq);
    }
    return undefined;
  }

  // The session

  /** There is a session. After a lost one the broker hands out nothing new until both sides know which jobs this worker holds. */
  enter() {
    this.#work(this.group ? 0 : this.#credit, (error, m) => this.#working(error, m));
  }

  #work(credit, done) {
    this.#session.ask("work", { ...this.#options, worker: this.number, credit }, done, { again: false, early: false });
  }

  #working(error, m) {
    if (this.#closed || error?.code === "interrupted" || error?.code === "closed") return;
    if (error) return this.close(error);
    const again = this.group !== null;
    this.group = m;
    this.#open = true;
    if (again) this.#resume(m);
    this.#flush();
    this.#leaveIfSettled();
    this.emit("working", m);
  }

  #resume({ held }) {
    // First what was said before: the broker carries out no retry whose number is below one that it knows.
    for (const { jobs, frame } of this.#settles.values()) if (jobs.length > 0) this.#session.sendFrame(frame);
    if (!this.#session.resumed || held === 0) {
      for (const { entry } of this.#queue.take(() => true)) this.#held.delete(entry.seq); // they went to others
    } else {
      const ranges = gaps([...this.#held.keys()].sort((one, other) => one - other)); // frames that were on their way are lost
      this.#send({ verb: RETURN, milliseconds: 0, jobs: [] }, ranges.slice(0, SETTLE_RANGES_MAX));
    }
    this.#work(this.#credit, () => {});
  }

  down() {
    this.#open = false;
    for (const [number, { jobs }] of [...this.#settles]) if (jobs.length === 0) this.#settles.delete(number);
  }

  /** The broker lost its log: the jobs of it are gone. */
  epoch() {
    this.#held.clear();
    this.#queue.take(() => true);
    const unanswered = [...[...this.#settles.values()].flatMap(({ jobs }) => jobs), ...this.#batch];
    this.#settles.clear();
    this.#batch = [];
    for (const { job, reject } of unanswered) reject(gone(job));
    this.#leaveIfSettled();
  }

  /** The broker wants a pause. */
  pause() {
    this.#open = false;
  }

  resume() {
    this.#open = this.group !== null;
    this.#flush();
  }

  dismissed({ reason, group, room }) {
    this.close(new ZrelayError("dismissed", reason === "deleted" ? `the group ${group} is gone` : "the right to work is gone", { room }));
  }

  /** About so many messages left the room before the group had finished them. */
  lost({ count }) {
    this.emit("lost", count);
  }

  /** It is over; `failure` says why, if the program did not want that. */
  close(failure) {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure = failure;
    const error = failure ?? new ZrelayError("closed", "the worker has ended");
    const unanswered = [...[...this.#settles.values()].flatMap(({ jobs }) => jobs), ...this.#batch];
    this.#settles.clear();
    this.#batch = [];
    this.#held.clear();
    this.#queue.take(() => true);
    for (const { reject } of unanswered) reject(error);
    this.#endReaders();
    this.emit("closed", failure);
  }

  // Messages

  /** The broker hands out messages. */
  work({ deliveries, deliver }) {
    if (deliver.epoch !== this.#session.epoch || !this.group || this.#leaving) return;
    const deadline = this.#edge.now() + (this.group.time ?? TIME);
    for (const entry of deliver.entries) {
      const job = new Job(entry, deliveries, deadline, (...values) => this.#settle(deliver.epoch, ...values));
      this.#held.set(entry.seq, job);
      this.#queue.push(job);
    }
    while (this.#readers.length > 0) {
      const job = this.#take();
      if (!job) return;
      this.#readers.shift().resolve({ value: job, done: false });
    }
  }

  // Settling: jobs of one moment share a frame

  #settle(epoch, job, verb, milliseconds, text = "") {
    const reason = bytes(text);
    return new Promise((resolve, reject) => {
      if (job.isSettled) throw new ZrelayError("bad-argument", "the job is settled already");
      if (!Number.isInteger(milliseconds) || milliseconds < 0 || milliseconds > SETTLE_MS_MAX) {
        throw new ZrelayError("bad-argument", `a delay is from 0 to ${SETTLE_MS_MAX} milliseconds`);
      }
      if (reason.length > REASON_MAX) throw new ZrelayError("bad-argument", `a reason has at most ${REASON_MAX} bytes`);
      if (this.#closed) throw this.#failure ?? new ZrelayError("closed", "the worker has ended");
      if (epoch !== this.#session.epoch) throw gone(job);
      job.isSettled = verb !== EXTEND;
      if (this.#batch.push({ verb, milliseconds, text, reason, job, resolve, reject }) === 1) queueMicrotask(() => this.#flush());
    });
  }

  #flush() {
    if (!this.#open) return;
    const frames = new Map();
    for (const each of this.#batch.splice(0)) {
      const kind = `${each.verb} ${each.milliseconds} ${each.text}`;
      if (!frames.has(kind)) frames.set(kind, []);
      frames.get(kind).push(each);
    }
    for (const all of frames.values()) {
      for (let at = 0; at < all.length; at += SETTLE_RANGES_MAX) {
        const jobs = all.slice(at, at + SETTLE_RANGES_MAX).sort((one, other) => one.job.entry.seq - other.job.entry.seq);
        const { verb, milliseconds, reason } = jobs[0];
        this.#send({ verb, milliseconds, reason, jobs }, jobs.map(({ job }) => [job.entry.seq, job.entry.seq]));
      }
    }
  }

  #send(settle, ranges) {
    const number = this.#nextSettle++;
    settle.frame = encodeSettle(this.number, number, settle.verb, settle.milliseconds, ranges, settle.reason);
    this.#settles.set(number, settle);
    this.#session.sendFrame(settle.frame);
  }

  /** The broker answers a SETTLE. */
  settled({ number, level, left }) {
    const { jobs = [], verb, milliseconds } = this.#settles.get(number) ?? {};
    this.#settles.delete(number);
    for (const { job, resolve, reject } of jobs) {
      const { seq, room } = job.entry;
      const became = left.get(seq);
      if (verb === EXTEND && became === undefined) job.deadline = this.#edge.now() + (milliseconds || (this.group.time ?? TIME));
      else if (this.#held.get(seq) === job) this.#held.delete(seq);
      if (became === undefined) resolve(level);
      else reject(new ZrelayError("not-held", LEFT[became] ?? "it is not with this worker", { room, seq }));
    }
    this.#leaveIfSettled();
  }

  /** The broker refused a SETTLE. */
  unsettled({ settle: number, code }, error) {
    const settle = this.#settles.get(number);
    if (!settle) return;
    if (code === "store-failed") {
      this.#edge.after(STORE_WAIT, () => this.#open && this.#settles.get(number) === settle && this.#session.sendFrame(settle.frame));
      return;
    }
    this.#settles.delete(number);
    for (const { job, reject } of settle.jobs) {
      if (this.#held.get(job.entry.seq) === job) this.#held.delete(job.entry.seq);
      reject(error);
    }
    this.#leaveIfSettled();
  }
}

function gone(job) {
  return new ZrelayError("not-held", "the broker lost the log that it was of", { room: job.entry.room, seq: job.entry.seq });
}

/** The ranges between these rising seqs, and beyond them. */
export function gaps(seqs) {
  const found = [];
  let first = 1;
  for (const seq of [...seqs, SEQ_MAX + 1]) {
    if (seq > first) found.push([first, seq - 1]);
    first = seq + 1;
  }
  return found;
}

const EXTENDS = 3; // times within a job's time that `process` extends it

/** Runs `handler(job)` for each job of the worker, at most `concurrency` at a time; see Relay.process. */
export async function process(worker, handler, concurrency, edge, problem) {
  const running = new Set();
  let cancel = () => {};
  const extend = () => {
    cancel = edge.after((worker.group?.time ?? TIME) / EXTENDS, extend);
    for (const job of running) if (!job.isSettled) job.extend().catch(() => {}); // its handler will hear of it
  };
  const run = async (job) => {
    running.add(job);
    try {
      await handler(job);
      if (!job.isSettled) await job.done();
    } catch (error) {
      problem(error);
      if (!job.isSettled) await job.retry().catch(() => {});
    } finally {
      running.delete(job);
    }
  };
  const loop = async () => {
    for (let item; !(item = await worker.next()).done; ) await run(item.value);
  };
  try {
    await worker.entered();
    extend();
    await Promise.all(Array.from({ length: concurrency }, loop));
  } catch (error) {
    if (error.code !== "closed") throw error; // else the program wanted it
  } finally {
    cancel();
    worker.leave();
  }
}
