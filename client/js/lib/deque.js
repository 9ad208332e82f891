/** A queue that takes at its end and gives at its front in constant time. */
export class Deque {
  #items = [];
  #first = 0;

  get length() {
    return this.#items.length - this.#first;
  }

  push(item) {
    return this.#items.push(item) - this.#first;
  }

  /** The item at the front, or undefined. */
  peek() {
    return this.#items[this.#first];
  }

  shift() {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined;
    if (this.#first > 1024 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** Takes out and gives all for which `taken(item)` is true. */
  take(taken) {
    const items = [...this];
    this.#items = items.filter((item) => !taken(item));
    this.#first = 0;
    return items.filter(taken);
  }

  *[Symbol.iterator]() {
    for (let at = this.#first; at < this.#items.length; at++) yield this.#items[at];
  }
}
