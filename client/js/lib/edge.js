import { Servers } from "./servers.js";

/** The outside world: links, the clock, timers, randomness. The rest of the client is decided without them. */

const SUBPROTOCOL = "zrelay.v1";

const { crypto = (await import("node:crypto")).webcrypto } = globalThis; // Node 18 has it under another name

export const randomBytes = (size) => crypto.getRandomValues(new Uint8Array(size));
export const hex = (size) => [...randomBytes(size)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** An edge whose links `open(handlers)` makes, to the server of `open.servers` in use. A link has `send(text or bytes)` and `close()`. */
export const edge = (open) => ({
  open,
  servers: open.servers ?? new Servers([{}]),
  now: () => performance.now(),
  random: Math.random,
  id: () => hex(16),
  after(wait, run) {
    const timer = setTimeout(run, wait);
    return () => clearTimeout(timer);
  },
});

/** Links over WebSocket: the browser's, Node's from version 22 on, or any other class with the same interface, such as that of npm's `ws`. `urls`: one or an array. */
export function webSocketLinks(urls, WebSocketClass = globalThis.WebSocket) {
  if (!WebSocketClass) throw new TypeError("this platform has no WebSocket; give one as `WebSocket`, such as that of npm's `ws`");
  const all = [urls].flat();
  if (all.length === 0) throw new TypeError("give the URL of a gateway");
  const servers = new Servers(all.map((endpoint) => ({ endpoint }))); // what `welcome` names are brokers, and no gateways
  const open = ({ opened, frame, closed }) => {
    const socket = new WebSocketClass(servers.now.endpoint, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    socket.onopen = opened;
    socket.onmessage = ({ data }) => frame(typeof data === "string" ? data : new Uint8Array(data));
    socket.onclose = ({ code, reason }) => closed(reason || `the connection was closed (${code})`);
    socket.onerror = () => {}; // `close` comes after it
    return {
      send: (data) => socket.readyState === 1 && socket.send(data),
      close: () => socket.close(),
    };
  };
  return Object.assign(open, { servers });
}
