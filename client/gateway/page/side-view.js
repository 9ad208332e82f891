/** The list of conversations, with what is unread in each. */
import { avatar, find, make } from "./dom.js";
import { harmless, hueOf, plural } from "./format.js";

export class SideView {
  #rooms = find("rooms");
  #directs = find("directs");
  #others = find("others");

  /** `select(id)`, `leave(id)` and `join(room)` hear what the user wants. */
  constructor({ select, leave, join }) {
    Object.assign(this, { select, leave, join });
    find("join-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const input = find("join-room");
      const room = input.value.trim().replace(/^#/, "");
      if (room) this.join(room);
      input.value = "";
    });
  }

  /** `conversations` in their order; `current` is the id of the one that is shown. */
  show(conversations, current) {
    const rows = (kind) => conversations.filter((each) => each.kind === kind).map((each) => this.#row(each, each.id === current));
    keepFocus(() => {
      this.#rooms.replaceChildren(...rows("room"));
      this.#directs.replaceChildren(...rows("direct"));
    });
    find("directs-title").hidden = this.#directs.children.length === 0;
    const unread = conversations.reduce((sum, each) => sum + (each.id === current ? 0 : each.unread), 0);
    find("all-unread").hidden = unread === 0;
    find("all-unread").textContent = String(unread);
    return unread;
  }

  #row({ id, kind, name, unread, called }, isCurrent) {
    const mark = kind === "room" ? make("span", { className: "hash", aria: { hidden: "true" } }, "#") : avatar(name, hueOf(name));
    const badge = unread > 0 && !isCurrent
      ? make("span", { className: called ? "badge called" : "badge", aria: { label: `${unread} unread${called ? `, ${called} for you` : ""}` } }, unread > 99 ? "99+" : String(unread))
      : null;
    const open = make("button", { type: "button", className: "open", data: { focus: id }, onclick: () => this.select(id) }, mark,
      make("span", { className: "name" }, harmless(name)), badge);
    if (isCurrent) open.setAttribute("aria-current", "true");
    const leave = make("button", { type: "button", className: "leave", aria: { label: `Leave ${harmless(name)}` }, title: "Leave", onclick: () => this.leave(id) }, "✕");
    return make("li", { className: unread > 0 && !isCurrent ? "row unread" : "row" }, open, leave);
  }

  /** Rooms of the relay that the user did not join. */
  offer(rooms) {
    find("others-title").hidden = rooms.length === 0;
    keepFocus(() => this.#others.replaceChildren(...rooms.map(({ room, count }) => make("li", { className: "row" },
      make("button", { type: "button", className: "open", data: { focus: `other:${room}` }, onclick: () => this.join(room) },
        make("span", { className: "hash", aria: { hidden: "true" } }, "#"), make("span", { className: "name" }, harmless(room)),
        count > 0 ? make("span", { className: "here", title: plural(count, "person is", "people are") + " here" }, String(count)) : null)))));
  }
}

/** Lists are made anew; the button that has the focus keeps it. */
function keepFocus(change) {
  const focus = document.activeElement?.dataset?.focus;
  change();
  if (focus) [...document.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === focus)?.focus();
}
