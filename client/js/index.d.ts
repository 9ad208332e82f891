/** Bytes or a text, which is sent as UTF-8. */
export type Body = string | Uint8Array | ArrayBuffer;

/** One entry of a room. */
export interface Entry {
  readonly type: "entry";
  readonly room: string;
  /** Its position. Rises within a room, and need not be dense. */
  readonly seq: number;
  /** The broker's time in microseconds since 1970. To be shown; the order is that of `seq`. */
  readonly time: number;
  readonly date: Date;
  readonly sender: string;
  /** Set for entries that are the value of a key. */
  readonly key: string | undefined;
  /** The entry deletes its key. */
  readonly deleted: boolean;
  /** The broker deletes the key so many milliseconds after `time`; undefined: never. */
  readonly ttl: number | undefined;
  readonly body: Uint8Array;
  /** The body as UTF-8. */
  readonly text: string;
}

/** Entries after `after` and up to `next` are lost. Reasons: `gone` (the broker forgot them), `epoch` (the broker lost its log), `left`, or a code. */
export interface Lost {
  readonly type: "lost";
  readonly room: string;
  readonly reason: string;
  readonly after: number;
  readonly next?: number;
}

/** This client does not read the room any more: `revoked`, or the code with which the broker refused it. */
export interface Left {
  readonly type: "left";
  readonly room: string;
  readonly reason: string;
  readonly seq?: number;
}

/** The entry is stored, at the level `memory`, `disk` or `replicated`; `none`: it was relayed and not kept. */
export interface Ack {
  readonly room: string;
  /** The entry's position; null where one answer covers several entries, and for one that was sent again. */
  readonly seq: number | null;
  readonly level: string;
}

export interface User {
  readonly nick: string;
  readonly meta?: Record<string, unknown>;
}

export interface PublishOptions {
  key?: string;
  /** Compare-and-set, with `key`: store it only over the value with this seq, 0 for no value; else the promise is rejected with `conflict`. */
  expect?: number;
  /** With `key` and without a body: delete the key. */
  deleted?: boolean;
  /** With `key` and a body: the broker deletes the key after so many milliseconds, unless it has another value by then. */
  ttl?: number;
}

export interface JoinOptions {
  /** Begin with the last so many entries. Default: new ones only. */
  last?: number;
  /** Begin after this seq; 0 for everything. With `epoch`, the seq is void in another epoch, which is told as lost. */
  after?: number;
  epoch?: string;
  /** False joins silently: others do not see it, and it does not see them. Default true. */
  presence?: boolean;
  /** What presence shows of this user here. */
  meta?: Record<string, unknown>;
}

export interface Options {
  /** The name that others see. Without one the broker makes one up. */
  nick?: string;
  /** A login. */
  user?: string;
  token?: string;
  meta?: Record<string, unknown>;
  /** Program and version, for the operator's log; at most 64 bytes. */
  agent?: string;
  /** 32 lower-case hex digits: a secret of this run. By default a random one. */
  client?: string;
  /** Milliseconds until `connect` gives up; 0: never. Default 10,000. Later losses are repaired without end. */
  timeout?: number;
  /** Bytes of entries that may wait for their acks; beyond it `publish` is rejected with `queue-full`. Default 64 MiB. */
  queueBytes?: number;
  /** A class with the interface of WebSocket, for platforms without it: that of npm's `ws`, for example. */
  WebSocket?: unknown;
}

export interface Slice {
  readonly entries: Entry[];
  /** The position reached. */
  readonly seq?: number;
  /** False: entries that were asked for are gone. */
  readonly complete: boolean;
  /** There is more: go on after `seq`. */
  readonly more: boolean;
}

export interface PresenceChange {
  readonly joined: User[];
  readonly left: (User & { reason?: string })[];
  readonly changed: User[];
  readonly count: number;
  readonly crowded: boolean;
}

export interface Presence {
  /** The users present, by nick. Empty in a crowded room. */
  readonly users: ReadonlyMap<string, User>;
  readonly count: number;
  readonly crowded: boolean;
}

type Off = () => void;

/** The last entry of each key of a room, always up to date. To be read only: `put` and `remove` publish. */
export interface LiveState extends ReadonlyMap<string, Entry> {
  on(event: "change", listener: (change: { key: string; entry?: Entry; before?: Entry }) => void): Off;
  off(event: "change", listener: Function): void;
  put(key: string, body: Body, options?: { expect?: number; ttl?: number }): Promise<Ack>;
  remove(key: string, options?: { expect?: number }): Promise<Ack>;
  /** Compare-and-set, tried again while others change the key. `decide` returns the new body, or undefined to leave the key alone (null then). */
  update(key: string, decide: (entry: Entry | undefined) => Body | undefined): Promise<Ack | null>;
}

export interface RoomEvents {
  entry: Entry;
  lost: Lost;
  left: Left;
  presence: PresenceChange;
  /** Live frames are missing; a replay is under way. */
  gap: { room: string; after: number };
  /** The room is whole up to now; again after each lost session. */
  ready: { epoch: string; after: number };
  /** After a lost session: so many entries were missed and are here now. */
  recovered: { room: string; entries: number };
}

/** A room that this client reads: every entry once and in order, and a `lost` where entries are gone. */
export interface Room extends AsyncIterable<Entry | Lost | Left> {
  readonly name: string;
  readonly isReady: boolean;
  readonly presence: Presence;
  /** Where a reader goes on later; `join` takes it. */
  readonly position: { epoch: string; after: number };
  on<Name extends keyof RoomEvents>(event: Name, listener: (value: RoomEvents[Name]) => void): Off;
  once<Name extends keyof RoomEvents>(event: Name, listener: (value: RoomEvents[Name]) => void): Off;
  off(event: keyof RoomEvents, listener: Function): void;
  /** Fulfilled once the room is whole up to now, rejected when the broker refuses it. */
  entered(): Promise<void>;
  /** The next item for a loop. A loop that is slow falls behind and gets the rest by replay; at most 10,000 entries and 16 MiB wait for it. */
  next(): Promise<IteratorResult<Entry | Lost | Left>>;
  publish(body: Body | undefined, options?: PublishOptions): Promise<Ack>;
  state(): Promise<LiveState>;
  /** What presence shows of this user in this room, at most 1 KB of JSON; `{}` for nothing. */
  show(meta: Record<string, unknown>): Promise<void>;
  /** The last `limit` entries (50) before the seq `before`. */
  history(options?: { before?: number; limit?: number }): Promise<Slice>;
  leave(): void;
}

/** All rooms whose names begin in the same way, also those that come up later. Entries name their room; their order holds within each. */
export interface Prefix extends AsyncIterable<Entry | Lost> {
  /** With `*` at its end. */
  readonly name: string;
  readonly isReady: boolean;
  readonly rooms: ReadonlyMap<string, Room>;
  on(event: "entry", listener: (entry: Entry) => void): Off;
  on(event: "lost", listener: (lost: Lost) => void): Off;
  on(event: "ready", listener: () => void): Off;
  on(event: "recovered", listener: (value: { entries: number }) => void): Off;
  /** There are more than 10,000 rooms: the position of this one, `seq`, is kept no more. It is read again from its next entry on. */
  on(event: "forgotten", listener: (value: { room: string; seq: number }) => void): Off;
  off(event: string, listener: Function): void;
  /** Fulfilled once all rooms are whole up to now, rejected when the broker refuses it. */
  entered(): Promise<void>;
  /** The next item of any room; rooms take turns. At most 10,000 entries and 16 MiB wait for the loop, the rest comes by replay. */
  next(): Promise<IteratorResult<Entry | Lost>>;
  leave(): void;
}

/** A message that this worker has, and nobody else as long as its time runs. Settle it by one of `done`, `retry` and `reject`. */
export interface Job {
  readonly entry: Entry;
  readonly text: string;
  /** How often it was handed out, this time included. */
  readonly deliveries: number;
  readonly isSettled: boolean;
  /** The work is done. Fulfilled with the level at which that is stored; rejected with `not-held` if the broker took the job back. */
  done(): Promise<string>;
  /** It is to be tried again, by any worker, after `delay` milliseconds; 0, the default: after the group's back-off. At most a day. */
  retry(delay?: number): Promise<string>;
  /**
   * Trying again will not help: it is dead, and goes to the group's room for dead messages, if there is one. The message there shows `reason`, which
   * has at most 256 bytes.
   */
  reject(reason?: string): Promise<string>;
  /** It takes longer: so many milliseconds from now on; 0, the default: the group's time. At most a day. */
  extend(milliseconds?: number): Promise<string>;
}

/** A worker of a group. `for await` gives its jobs; the loop throws when the broker ends the worker (`dismissed`). */
export interface Worker extends AsyncIterable<Job> {
  /** The group's options in force, once the broker named them. */
  readonly group: Readonly<Record<string, unknown>> | null;
  /** Fulfilled once the broker took the worker. */
  entered(): Promise<void>;
  next(): Promise<IteratorResult<Job>>;
  /** About so many messages left the room before the group had finished them. */
  on(event: "lost", listener: (count: number) => void): Off;
  /** Takes no more work. What is settled is said, and what is not goes to others. */
  leave(): void;
}

/** Of PROTOCOL.md's op `work`; times in milliseconds. The first worker makes the group with them; later they change nothing. */
export interface GroupOptions {
  all?: true;
  now?: true;
  after?: number;
  make?: boolean;
  time?: number;
  deliveries?: number;
  backoff?: number;
  dead?: string;
  ordered?: boolean;
  keep?: boolean;
  each?: number;
  total?: number;
}

/** A direct message. */
export interface Direct {
  from: string;
  text: string;
  /** Microseconds since 1970. */
  time: number;
  /** What an answer is to name; missing: the sender wants none. */
  ask?: string;
  /** The request that this answers. */
  answer?: string;
  /** With `answer`: the request failed, and the text says why. */
  failed?: boolean;
}

/** Either `to`, a nick, or `room`. `timeout` in milliseconds (10,000). */
export type RequestOptions = { timeout?: number } & ({ to: string; room?: undefined } | { room: string; to?: undefined });

export interface RelayEvents {
  status: { state: "connecting" | "online" | "offline" | "closed"; why?: string };
  /** After a lost session all rooms are whole again. `lost`: the broker lost its log. */
  recovered: { entries: number; lost: boolean };
  lost: Lost;
  left: Left;
  epoch: { before: string; now: string };
  direct: Direct;
  problem: ZrelayError;
  closed: ZrelayError;
}

/** The client. It connects anew by itself, resumes its session, and repairs what it missed. */
export interface Relay {
  readonly status: RelayEvents["status"]["state"];
  readonly nick: string;
  readonly user: string | undefined;
  readonly epoch: string;
  readonly client: string;
  readonly limits: Readonly<Record<string, number>>;
  readonly rooms: ReadonlyMap<string, Room>;
  /** Entries that wait for their ack. */
  readonly unanswered: number;
  on<Name extends keyof RelayEvents>(event: Name, listener: (value: RelayEvents[Name]) => void): Off;
  once<Name extends keyof RelayEvents>(event: Name, listener: (value: RelayEvents[Name]) => void): Off;
  off(event: keyof RelayEvents, listener: Function): void;
  /** Connects; for a Relay that `create` made. `patience` in milliseconds, 0 for ever. */
  open(patience?: number): Promise<Relay>;
  /** A name that ends in `*` joins, silently, all rooms whose names begin so. Of the options it takes `last`, and `after` 0. */
  join(prefix: `${string}*`, options?: JoinOptions): Promise<Prefix>;
  join(room: string, options?: JoinOptions): Promise<Room>;
  /** As `join`, for programs that want every event from the first entry on. */
  room(prefix: `${string}*`, options?: JoinOptions): Prefix;
  room(name: string, options?: JoinOptions): Room;
  /** Each entry is stored once, over lost connections and restarts of the broker. Waits until there is a connection. */
  publish(room: string, body: Body | undefined, options?: PublishOptions): Promise<Ack>;
  /** Works for a group. `credit` (1): so many jobs that are not settled may be here. */
  work(room: string, group: string, options?: GroupOptions & { credit?: number }): Worker;
  /**
   * Runs `handler` for each job of the group, `concurrency` (10) at a time, until `signal` aborts. A job is done when its handler ends, and tried
   * again when it throws, which the event `problem` tells; unless the handler settled it. It is extended as long as its handler runs.
   */
  process(room: string, group: string, handler: (job: Job) => unknown, options?: GroupOptions & { concurrency?: number; signal?: AbortSignal }): Promise<void>;
  groups(options?: { room?: string; after?: string }): Promise<{ groups: Record<string, unknown>[]; more: boolean }>;
  /** `what` is `set`, `pause`, `resume`, `seek` or `delete`. */
  group(room: string, group: string, what: string, members?: Record<string, unknown>): Promise<object>;
  /** Hands a text to the sessions of one nick. Nothing keeps it; it is not sent again when the session is lost (`interrupted`). */
  direct(to: string, text: string): Promise<object>;
  /** Asks, and gives the first answer. Fails with `timed-out`, `no-such-user`, `failed` if the answer says so, or `interrupted`. */
  request(text: string, options: RequestOptions): Promise<Direct>;
  /** All answers that come in time. */
  answers(text: string, options: RequestOptions): AsyncGenerator<Direct, void>;
  /** Answers a direct message with `ask`, or an entry of a room. `failed`: the text says why there is no answer. */
  answer(asked: Direct | Entry, text: string, options?: { failed?: boolean }): Promise<object>;
  /**
   * Answers requests with what `handler` returns, `concurrency` (10) at a time, until `signal` aborts: those to this nick, or those to `room`. The workers
   * of `group` share them, and a request whose worker dies goes to another one. When the handler throws, the answer says so.
   */
  serve(handler: (asked: Direct | Entry) => unknown, options?: GroupOptions & { room?: string; group?: string; concurrency?: number; signal?: AbortSignal }): Promise<void>;
  /** What presence shows of this user in all rooms, at most 1 KB of JSON, such as `{ status: "writing" }` or `{ away: "at lunch" }`; `{}` for nothing. */
  show(meta: Record<string, unknown>): Promise<void>;
  list(options?: { prefix?: string; after?: string; limit?: number }): Promise<{ rooms: { room: string; seq: number; count: number }[]; more: boolean }>;
  who(room: string, options?: { after?: string; limit?: number }): Promise<{ users: User[]; count: number; silent: number; more: boolean }>;
  /** Entries of any room, also of one that is not joined. */
  history(room: string, options: { after?: number; last?: number; until?: number; limit?: number }): Promise<Slice>;
  /** The last value of each key of any room, valid at `seq`. */
  snapshot(room: string): Promise<{ seq: number; entries: Map<string, Entry> }>;
  /** Tries to connect at once, instead of after the back-off. */
  hurry(): void;
  /** Waits for the acks, at most `patience` milliseconds (5,000), says bye, and ends. */
  close(options?: { patience?: number }): Promise<void>;
}

/** `code` is one of PROTOCOL.md's error codes, or `interrupted`, `closed`, `queue-full`, `timed-out`, `not-held`, `dismissed`, `failed`. */
export class ZrelayError extends Error {
  constructor(code: string, text: string, about?: { room?: string; key?: string; seq?: number });
  readonly code: string;
  readonly room?: string;
  readonly key?: string;
  /** Of a `conflict`: the position of the newer value. */
  readonly seq?: number;
}

/** Connects to a gateway, such as `ws://127.0.0.1:5580/v1/ws`. */
export function connect(url: string | URL | (string | URL)[], options?: Options): Promise<Relay>;
/** Gives the Relay at once, for programs that show the connection's state; `open` connects. */
export function create(url: string | URL | (string | URL)[], options?: Options): Relay;
