/** Beside the messages: the people in the room, and the room's shared state as a table that can be changed. */
import { avatar, find, make } from "./dom.js";
import { harmless, hueOf, plural, statusOf } from "./format.js";

const PEOPLE_SHOWN = 200; // names in the list; the count says how many there are

export class PanelView {
  #people = find("people");
  #shared = find("shared");
  #fault = find("set-fault");
  #state = null;
  #editing = null; // key and seq of the value that is being changed

  /** `write(nick)` begins a direct message; `put(key, text, expect)` and `remove(key, expect)` publish and may be rejected. */
  constructor({ write, put, remove }) {
    Object.assign(this, { write, put, remove });
    find("set-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#change(() => this.put(find("set-key").value.trim(), find("set-value").value), () => event.target.reset());
    });
  }

  /** `users` are those of presence; a crowded room names nobody. */
  people({ users, count, crowded }, me) {
    const sorted = [...users.values()].sort((one, other) => one.nick.localeCompare(other.nick)).slice(0, PEOPLE_SHOWN);
    find("count").textContent = plural(count, "person", "people");
    this.#people.replaceChildren(...sorted.map((user) => this.#person(user, me)));
    const hidden = count - sorted.length;
    if (crowded || hidden > 0) this.#people.append(make("li", { className: "quiet" }, crowded ? "This room is crowded: no names are shown." : `and ${hidden} more`));
  }

  #person({ nick, meta }, me) {
    const { away, text } = statusOf(meta);
    const status = text ? make("span", { className: "quiet shows", title: harmless(text) }, harmless(text)) : null;
    const className = away ? "person away" : "person";
    const name = make("span", { className: "name" }, harmless(nick), nick === me ? make("span", { className: "quiet" }, " (you)") : null);
    const inside = [avatar(nick, hueOf(nick)), name, status];
    if (nick === me) return make("li", { data: { nick } }, make("span", { className }, ...inside));
    return make("li", { data: { nick } },
      make("button", { type: "button", className, title: `Write to ${harmless(nick)}`, onclick: () => this.write(nick) }, ...inside));
  }

  nobody(text) {
    find("count").textContent = text;
    this.#people.replaceChildren();
  }

  // Shared state

  /** `state` is the LiveState, or null where the room keeps no state. */
  shared(state) {
    this.#state = state;
    find("state-section").hidden = state === null;
    if (!state) return;
    const rows = [...state.values()].sort((one, other) => one.key.localeCompare(other.key));
    if (this.#editing && state.has(this.#editing.key)) return this.#update(rows);
    this.#editing = null;
    this.#shared.replaceChildren(...rows.map((entry) => this.#row(entry)));
  }

  /** While a row is being edited, the others change around it. */
  #update(rows) {
    const edited = this.#shared.querySelector("tr.editing");
    const made = rows.map((entry) => (entry.key === this.#editing.key ? edited : this.#row(entry)));
    for (const row of [...this.#shared.children]) if (row !== edited) row.remove();
    const at = made.indexOf(edited);
    edited.before(...made.slice(0, at));
    edited.after(...made.slice(at + 1));
  }

  #row(entry) {
    const key = harmless(entry.key);
    const edit = make("button", { type: "button", className: "value", title: `Change ${key}, set by ${harmless(entry.sender)}`, onclick: () => this.#edit(entry) },
      harmless(entry.text) || "(empty)");
    const remove = make("button", { type: "button", className: "leave", aria: { label: `Remove ${key}` }, title: "Remove",
      onclick: () => this.#change(() => this.remove(entry.key, entry.seq)) }, "✕");
    return make("tr", { data: { key: entry.key } }, make("th", { scope: "row" }, key), make("td", {}, edit), make("td", {}, remove));
  }

  #edit(entry) {
    this.#editing = { key: entry.key, seq: entry.seq };
    const input = make("input", { value: entry.text, aria: { label: `Value of ${harmless(entry.key)}` }, maxLength: 4096 });
    const end = () => {
      this.#editing = null;
      const now = this.#state?.get(entry.key);
      if (now) row.replaceWith(this.#row(now));
      else row.remove();
    };
    const form = make("form", { onsubmit: (event) => {
      event.preventDefault();
      const { key, seq } = this.#editing;
      end();
      this.#change(() => this.put(key, input.value, seq));
    } }, input);
    input.addEventListener("keydown", (event) => event.key === "Escape" && end());
    const row = make("tr", { className: "editing" }, make("th", { scope: "row" }, harmless(entry.key)), make("td", { colSpan: 2 }, form));
    [...this.#shared.children].find((each) => each.dataset.key === entry.key)?.replaceWith(row);
    input.focus();
    input.select();
  }

  async #change(publish, done = () => {}) {
    this.#fault.textContent = "";
    try {
      await publish();
      done();
    } catch (error) {
      this.#fault.textContent = error.code === "conflict" ? "Somebody changed it a moment before you; look at the new value." : error.message;
    }
  }
}
