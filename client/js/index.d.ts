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
  put(key: string, body: Body, options?: { expect?: number }): Promise<Ack>;
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

export interface RelayEvents {
  status: { state: "connecting" | "online" | "offline" | "closed"; why?: string };
  /** After a lost session all rooms are whole again. `lost`: the broker lost its log. */
  recovered: { entries: number; lost: boolean };
  lost: Lost;
  left: Left;
  epoch: { before: string; now: string };
  direct: { from: string; text: string; time: number };
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
  join(room: string, options?: JoinOptions): Promise<Room>;
  /** As `join`, for programs that want every event from the first entry on. */
  room(name: string, options?: JoinOptions): Room;
  /** Each entry is stored once, over lost connections and restarts of the broker. Waits until there is a connection. */
  publish(room: string, body: Body | undefined, options?: PublishOptions): Promise<Ack>;
  /** Hands a text to the sessions of one nick. Nothing keeps it; it is not sent again when the session is lost (`interrupted`). */
  direct(to: string, text: string): Promise<object>;
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

/** `code` is one of PROTOCOL.md's error codes, or `interrupted`, `closed`, `queue-full`, `timed-out`. */
export class ZrelayError extends Error {
  constructor(code: string, text: string, about?: { room?: string; key?: string; seq?: number });
  readonly code: string;
  readonly room?: string;
  readonly key?: string;
  /** Of a `conflict`: the position of the newer value. */
  readonly seq?: number;
}

/** Connects to a gateway, such as `ws://127.0.0.1:5580/v1/ws`. */
export function connect(url: string | URL, options?: Options): Promise<Relay>;
/** Gives the Relay at once, for programs that show the connection's state; `open` connects. */
export function create(url: string | URL, options?: Options): Relay;
