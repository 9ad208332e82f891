/**
 * The servers at which a client finds the same log: those that the program named, and those that a broker named since (`welcome.peers`).
 * One of them is in use.
 */
const SERVERS_MAX = 16; // named and learned together

export class Servers {
  #all;
  #named;
  #fault;
  #at = 0;

  /**
   * `named`: an array of `{ endpoint, key }`. `fault(own, endpoint)` says why a client of the server `own` does not go to another endpoint, if it does
   * not; without it the client learns none.
   */
  constructor(named, fault = () => "none is learned") {
    this.#all = [...named];
    this.#named = named.length;
    this.#fault = fault;
  }

  get length() {
    return this.#all.length;
  }

  get now() {
    return this.#all[this.#at];
  }

  /** Goes on with the next one, after the last with the first. */
  next() {
    this.#at = (this.#at + 1) % this.#all.length;
  }

  /** Takes these in place of those that were learned before. The key of the one in use holds for them. */
  learn(peers) {
    const own = this.now;
    const kept = [...this.#all.slice(0, this.#named), ...(this.#at < this.#named ? [] : [own])];
    for (const endpoint of Array.isArray(peers) ? peers : []) {
      const known = kept.some((server) => server.endpoint === endpoint);
      if (!known && kept.length < SERVERS_MAX && this.#fault(own.endpoint, endpoint) === undefined) kept.push({ endpoint, key: own.key });
    }
    this.#all = kept;
    this.#at = kept.indexOf(own);
  }
}
