/** Named events with any number of listeners. A listener that throws harms neither the emitter nor the other listeners. */
export class Emitter {
  #listeners = new Map();

  /** Calls `listener` at each event `name`, until the returned function is called. */
  on(name, listener) {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all.add(listener));
    return () => this.off(name, listener);
  }

  /** Calls `listener` at the next event `name` only. */
  once(name, listener) {
    const off = this.on(name, (...values) => {
      off();
      listener(...values);
    });
    return off;
  }

  off(name, listener) {
    this.#listeners.get(name)?.delete(listener);
  }

  emit(name, ...values) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(...values);
      } catch (error) {
        queueMicrotask(() => {
          throw error; // the program sees it as an uncaught error of its own
        });
      }
    }
  }
}
