/**
 * Straight to the broker over ZeroMQ, for Node and without a gateway, with npm's `zeromq`. Each client has a DEALER and a SUB.
 *
 *   import { connect } from "zrelay/zeromq";
 *   const relay = await connect("tcp://127.0.0.1:5570", { nick: "ann" });
 */
import { Dealer, Subscriber } from "zeromq";
import { edge, hex } from "./lib/edge.js";
import { backFault } from "./lib/endpoint.js";
import { Relay } from "./lib/relay.js";
import { Servers } from "./lib/servers.js";

const SYNC_PATIENCE = 2000; // milliseconds until another nonce is tried
const NONCES_OF_A_SUB = 2; // that may be lost before the SUB is taken for dead
const SYNC_TOPIC = 0xff;
const DRAIN = 100; // milliseconds for frames that came before the connection ended, such as a `bye`
const ENDS = { // events of the connection after which the link is given up
  disconnect: "the connection to the broker ended",
  "handshake:error:auth": "the broker does not let in this client's key",
};

export const connect = (server, options = {}) => create(server, options).open(options.timeout);
export const create = (server, options = {}) => new Relay(edge(zeromqLinks(server, options)), options);

/**
 * `endpoints`: one, "A,B,C" or an array. The client learns further ones from the broker.
 * `curve`: `{ serverKey, publicKey, secretKey }`, in Z85, for an encrypted broker.
 * `serverKey` has one key for all servers, or an array with a key for each.
 */
export function zeromqLinks(endpoints, { curve } = {}) {
  const all = [endpoints].flat().flatMap((endpoint) => endpoint.split(",").map((part) => part.trim()));
  const keys = curve ? [curve.serverKey].flat() : [];
  if (keys.length > 1 && keys.length !== all.length) throw new TypeError("give one key for all servers, or one for each");
  const servers = new Servers(all.map((endpoint, at) => ({ endpoint, key: keys[at] ?? keys[0] })), backFault);
  const open = (handlers) =>
    new Link(servers.now.endpoint, handlers, curve && { ...curve, serverKey: servers.now.key }, servers.length > 1);
  return Object.assign(open, { servers });
}

class Link {
  #handlers;
  #server;
  #curve;
  #front;
  #back = null; // the SUB
  #backAt = ""; // its endpoint
  #sent = Promise.resolve();
  #topics = new Set();
  #asked = []; // the `subscribe` requests that wait for `synced`
  #nonce = null;
  #nonces = 0; // that this SUB had without an answer
  #timer;
  #draining;
  #closed = false;

  constructor(server, handlers, curve, several) {
    this.#handlers = handlers;
    this.#server = server;
    this.#curve = curve ? { curveServerKey: curve.serverKey, curvePublicKey: curve.publicKey, curveSecretKey: curve.secretKey } : {};
    this.#front = new Dealer({ sendHighWaterMark: 0, ...this.#curve });
    for (const [event, why] of Object.entries(ENDS)) this.#front.events.on(event, () => this.#ended(why));
    if (several) this.#front.events.on("connect:retry", () => this.#ended("no broker answers there"));
    this.#front.connect(server);
    this.#read(this.#front, (frame) => this.#fromFront(frame));
    queueMicrotask(() => this.#closed || handlers.opened()); // libzmq connects by itself
  }

  #ended(why) {
    this.#draining ??= setTimeout(() => this.#handlers.closed(why), DRAIN);
  }

  async #read(socket, handle) {
    try {
      for await (const [frame] of socket) if (!socket.closed && !this.#closed) handle(frame);
    } catch (error) {
      if (!this.#closed && !socket.closed) this.#handlers.closed(error.message);
    }
  }

  #fromFront(frame) {
    if (frame[0] !== 0x7b) return this.#handlers.frame(frame);
    const text = frame.toString();
    const fault = text.includes('"welcome"') && this.#welcome(JSON.parse(text));
    if (fault) this.#handlers.closed(fault);
    else this.#handlers.frame(text);
  }

  /** A new SUB for each session: the old one may hold frames of another epoch. Gives the fault of a back to which the client does not go. */
  #welcome(m) {
    if (m.op !== "welcome") return undefined;
    const fault = backFault(this.#server, m.back);
    if (fault) return fault;
    this.#backAt = m.back;
    this.#topics.clear();
    this.#asked = [];
    this.#listen();
    return undefined;
  }

  #listen() {
    this.#drop(this.#back);
    this.#back = new Subscriber({ ...this.#curve });
    this.#back.connect(this.#backAt);
    for (const topic of this.#topics) this.#back.subscribe(Buffer.from(topic));
    this.#read(this.#back, (frame) => this.#fromBack(frame));
    this.#nonce = null;
    this.#nonces = 0;
  }

  // Requests that the broker does not know: its XPUB does their work

  send(data) {
    if (typeof data !== "string" || !/^\{"op":"(un)?subscribe"/.test(data)) return this.#transmit(data);
    const { op, id, rooms = [], prefixes = [], presence = op === "unsubscribe" } = JSON.parse(data);
    const topics = [...rooms.flatMap((room) => (presence ? [`${room}\x00`, `${room}\x01`] : [`${room}\x00`])), ...prefixes];
    if (op === "unsubscribe") return this.#unsubscribe(topics);
    this.#asked.push(id);
    this.#subscribe(topics);
    this.#sync();
  }

  #subscribe(topics) {
    for (const topic of topics) {
      if (!this.#topics.has(topic)) this.#back.subscribe(Buffer.from(topic));
      this.#topics.add(topic);
    }
  }

  #unsubscribe(topics) {
    for (const topic of topics) if (this.#topics.delete(topic)) this.#back.unsubscribe(Buffer.from(topic));
  }

  /** A Dealer takes one frame at a time. */
  #transmit(data) {
    this.#sent = this.#sent.then(() => this.#front.send(data)).catch(() => {}); // it was closed
  }

  #sync() {
    if (this.#nonces === NONCES_OF_A_SUB) this.#listen();
    this.#nonces++;
    if (this.#nonce) this.#back.unsubscribe(this.#nonce);
    this.#nonce = Buffer.from(`\xff${hex(8)}`, "latin1");
    this.#back.subscribe(this.#nonce);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#sync(), SYNC_PATIENCE);
  }

  #fromBack(frame) {
    if (frame[0] !== SYNC_TOPIC) return this.#handlers.frame(frame);
    if (!this.#nonce?.equals(frame.subarray(0, this.#nonce.length))) return;
    clearTimeout(this.#timer);
    const { epoch } = JSON.parse(frame.subarray(this.#nonce.length));
    this.#back.unsubscribe(this.#nonce);
    this.#nonce = null;
    this.#nonces = 0;
    for (const re of this.#asked.splice(0)) this.#handlers.frame(JSON.stringify({ op: "subscribed", re, epoch }));
  }

  #drop(socket) {
    if (socket) socket.linger = 0;
    socket?.close();
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#draining);
    this.#drop(this.#back);
    this.#sent.then(() => this.#drop(this.#front)); // what it did not send belongs to a session that is given up
  }
}
