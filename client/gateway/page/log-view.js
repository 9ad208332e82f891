/** The messages of the conversation that is shown. It follows the newest one as long as the user is at the end. */
import { avatar, find, make } from "./dom.js";
import { clock, day, harmless, hueOf, parts, sameDay } from "./format.js";
import { continues } from "./conversation.js";

const NEAR = 80; // pixels from the end that count as being there
const EARLY = 400; // pixels from the beginning at which older messages are fetched

export class LogView {
  #log = find("log");
  #entries = find("entries");
  #pending = find("pending");
  #older = find("older");
  #beginning = find("beginning");
  #newest = find("newest");
  #nick = "";
  #items = []; // those that are shown
  #queued = []; // those that are shown with the next frame
  #fetching = false;

  /** `fetchOlder()` brings older items, and `reachedEnd()` hears that the user saw the newest ones. */
  constructor({ fetchOlder, reachedEnd }) {
    this.fetchOlder = fetchOlder;
    this.reachedEnd = reachedEnd;
    this.#log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#older.addEventListener("click", () => this.#fetch());
    this.#newest.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.#following && this.toEnd()).observe(this.#log);
  }

  #following = true;

  get atEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#following = true;
    this.#newest.hidden = true;
    this.reachedEnd();
  }

  #scrolled() {
    this.#following = this.atEnd;
    if (this.#following && !this.#newest.hidden) this.toEnd();
    if (this.#log.scrollTop < EARLY && !this.#older.hidden) this.#fetch();
  }

  async #fetch() {
    if (this.#fetching) return;
    this.#fetching = true;
    this.#older.disabled = true;
    try {
      await this.fetchOlder();
    } finally {
      this.#fetching = false;
      this.#older.disabled = false;
    }
  }

  /** Shows another conversation, from its newest message on. */
  show(conversation, nick) {
    this.#nick = nick;
    this.#items = [];
    this.#queued = [];
    this.#entries.replaceChildren();
    this.#pending.replaceChildren();
    this.#entries.append(...this.#rows(conversation.items, undefined));
    this.#items = [...conversation.items];
    this.bounds(conversation);
    this.toEnd();
  }

  /** Whether there is more above. */
  bounds({ more, kind, name }) {
    this.#older.hidden = !more;
    this.#beginning.hidden = more;
    this.#beginning.textContent = kind === "room" ? `This is the beginning of ${harmless(name)}.` : `Direct messages with ${harmless(name)}. Nothing keeps them.`;
  }

  /** A new item, at the end. Many at once are shown together. */
  add(item) {
    if (this.#queued.push(item) === 1) requestAnimationFrame(() => this.#flush());
  }

  #flush() {
    const items = this.#queued.splice(0);
    if (items.length === 0) return; // another conversation is shown now
    const follow = this.#following;
    this.#entries.append(...this.#rows(items, this.#items.at(-1)));
    this.#items.push(...items);
    if (follow) this.toEnd();
    else this.#newest.hidden = false;
  }

  /** The oldest `count` items are gone from the conversation. */
  forget(count) {
    this.#flush();
    this.#items.splice(0, count);
    const id = this.#items[0]?.id;
    while (this.#entries.firstElementChild && this.#entries.firstElementChild.dataset.id !== id) this.#entries.firstElementChild.remove();
  }

  /** Older items, above; what the user looks at stays where it is. */
  prepend(items) {
    const before = this.#log.scrollHeight - this.#log.scrollTop;
    this.#entries.prepend(...this.#rows(items, undefined));
    this.#items.unshift(...items);
    this.#log.scrollTop = this.#log.scrollHeight - before;
  }

  #rows(items, before) {
    const rows = [];
    for (const item of items) {
      if (item.date && !(before?.date && sameDay(before.date, item.date))) rows.push(divider(day(item.date)));
      rows.push(this.#row(item, continues(before, item)));
      before = item.date ? item : undefined;
    }
    return rows;
  }

  #row(item, together) {
    if (item.type === "notice") return make("li", { className: `line ${item.tone}`, data: { id: item.id } }, item.text);
    if (item.type === "state") return make("li", { className: "line", data: { id: item.id } }, stateText(item));
    const classes = ["message", together ? "together" : "", item.called ? "called" : "", item.sender === this.#nick ? "mine" : ""];
    const body = make("div", { className: "body" }, ...parts(harmless(item.text), this.#nick).map(part));
    const when = make("time", { dateTime: item.date.toISOString(), title: item.date.toLocaleString() }, clock(item.date));
    const who = make("span", { className: `sender hue-text-${hueOf(item.sender)}` }, harmless(item.sender));
    const row = make("li", { className: classes.join(" ").trim(), data: { id: item.id, sender: item.sender } });
    if (together) row.append(make("span", { className: "hidden" }, harmless(item.sender)), when, body);
    else row.append(avatar(item.sender, hueOf(item.sender)), make("div", { className: "head" }, who, when), body);
    return row;
  }

  // Messages that wait for their ack

  /** Shows a message that is on its way; gives `{ sent(), failed(text, again) }`. */
  pending(text) {
    const state = make("span", { className: "sending" }, "sending…");
    const row = make("li", { className: "message waiting" }, make("div", { className: "body" }, harmless(text)), state);
    const late = setTimeout(() => row.classList.add("late"), 300); // most are sent before one could read it
    this.#pending.append(row);
    if (this.#following) this.toEnd();
    const end = () => (clearTimeout(late), row.remove());
    const failed = (why, again) => {
      clearTimeout(late);
      row.classList.add("late", "failed");
      const retry = make("button", { type: "button", onclick: () => (row.remove(), again()) }, "Try again");
      const drop = make("button", { type: "button", onclick: () => row.remove() }, "Discard");
      state.replaceChildren(why, " ", retry, " ", drop);
    };
    return { sent: end, failed };
  }
}

const divider = (text) => make("li", { className: "day" }, make("span", {}, text));

function stateText({ sender, key, text, deleted }) {
  return deleted ? `${harmless(sender)} removed ${harmless(key)}` : `${harmless(sender)} set ${harmless(key)} to ${harmless(text)}`;
}

function part({ kind, text }) {
  if (kind === "link") return make("a", { href: text, rel: "noopener noreferrer nofollow", target: "_blank" }, text);
  if (kind === "code") return make("code", {}, text);
  if (kind === "mention") return make("mark", {}, text);
  return text;
}
