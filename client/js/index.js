/** zrelay for browsers and Node: see README.md, and index.d.ts for the types. */
import { edge, webSocketLinks } from "./lib/edge.js";
import { Relay } from "./lib/relay.js";

export { ZrelayError } from "./lib/error.js";
export { LiveState } from "./lib/state.js";
export { Prefix } from "./lib/prefix.js";
export { Relay } from "./lib/relay.js";
export { Room } from "./lib/room.js";
export { Entry } from "./lib/wire.js";

/**
 * Connects to a gateway (`ws://…/v1/ws`), or to the first of several that answers (an array), and is fulfilled with a Relay once the broker lets this client in. Afterwards the Relay connects anew
 * by itself whenever the connection is lost, to the next gateway if there are several.
 */
export function connect(url, options = {}) {
  return create(url, options).open(options.timeout);
}

/** As `connect`, for programs that show the connection's state from the beginning: gives the Relay at once; `open` then connects. */
export function create(url, options = {}) {
  return new Relay(edge(options.links ?? webSocketLinks(url, options.WebSocket)), options);
}
