/** What the user shows of itself to others: a text, and that it is away. */
import { find } from "./dom.js";
import { harmless, metaOf, statusOf } from "./format.js";

export class StatusView {
  /** `show(meta)` tells the relay, and may be rejected; `keep({ status, away })` remembers it. */
  constructor({ show, keep }) {
    Object.assign(this, { show, keep });
    find("open-status").addEventListener("click", () => this.#open(find("status-form").hidden));
    find("status-form").addEventListener("submit", (event) => (event.preventDefault(), this.#submit()));
    find("status-form").addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), this.#open(false)));
  }

  /** What is shown now. */
  is({ status, away }) {
    find("status-text").value = status;
    find("status-away").checked = away;
    find("my-status").textContent = harmless(statusOf(metaOf({ status, away })).text);
  }

  #open(open) {
    find("status-form").hidden = !open;
    find("open-status").setAttribute("aria-expanded", String(open));
    find(open ? "status-text" : "open-status").focus();
  }

  async #submit() {
    const wanted = { status: find("status-text").value.trim(), away: find("status-away").checked };
    find("status-fault").textContent = "";
    try {
      await this.show(metaOf(wanted));
      this.keep(wanted);
      this.is(wanted);
      this.#open(false);
    } catch (error) {
      find("status-fault").textContent = error.message;
    }
  }
}
