/** Cursors and names: awareness of Yjs over a room of its own, best one of the level `none`, since nobody needs what was before. */
import { applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";

const GATHER = 50; // milliseconds that changes wait for further ones
const GREET = 300; // milliseconds; a random time up to it, until a newcomer is told the own state

export class AwarenessLink {
  #relay;
  #room;
  #awareness;
  #handle;
  #changed = new Set();
  #timers = new Map();
  #ofSender = new Map(); // nick: the client ids that its entries brought

  constructor(relay, name, awareness) {
    this.#relay = relay;
    this.#awareness = awareness;
    this.#room = name;
    this.#handle = ({ added, updated, removed }, origin) => origin !== this && this.#gather([...added, ...updated, ...removed]);
    awareness.on("update", this.#handle);
  }

  async open() {
    const room = this.#relay.room(this.#room);
    room.on("entry", (entry) => this.#take(entry));
    room.on("presence", (change) => this.#presence(change));
    room.on("ready", () => this.#tellOwn());
    await room.entered();
  }

  #take({ sender, body }) {
    const known = new Set(this.#awareness.meta.keys());
    try {
      applyAwarenessUpdate(this.#awareness, body, this);
    } catch {
      return; // it is no update of awareness
    }
    const ids = this.#ofSender.get(sender) ?? new Set();
    for (const id of this.#awareness.meta.keys()) if (!known.has(id) && id !== this.#awareness.clientID) ids.add(id);
    if (sender !== this.#relay.nick) this.#ofSender.set(sender, ids);
  }

  /** A newcomer does not know the others; those that left do not say so. */
  #presence({ joined, left }) {
    if (joined.some(({ nick }) => nick !== this.#relay.nick)) this.#later("greet", Math.random() * GREET, () => this.#tellOwn());
    for (const { nick } of left) {
      removeAwarenessStates(this.#awareness, [...(this.#ofSender.get(nick) ?? [])], this);
      this.#ofSender.delete(nick);
    }
  }

  #tellOwn() {
    if (this.#awareness.getLocalState() !== null) this.#gather([this.#awareness.clientID]);
  }

  #gather(clients) {
    for (const client of clients) this.#changed.add(client);
    if (!this.#timers.has("send")) this.#later("send", GATHER, () => this.#send());
  }

  #send() {
    const clients = [...this.#changed].filter((client) => this.#awareness.meta.has(client));
    this.#changed.clear();
    if (clients.length === 0 || this.#relay.status !== "online") return; // once it is online, all is told anew
    this.#relay.publish(this.#room, encodeAwarenessUpdate(this.#awareness, clients)).catch(() => {}); // the next one says more
  }

  #later(name, wait, run) {
    clearTimeout(this.#timers.get(name));
    this.#timers.set(name, setTimeout(() => (this.#timers.delete(name), run()), wait));
  }

  close() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    removeAwarenessStates(this.#awareness, [this.#awareness.clientID], "closed");
    this.#send();
    clearTimeout(this.#timers.get("send"));
    this.#awareness.off("update", this.#handle);
    this.#relay.rooms.get(this.#room)?.leave();
  }
}
