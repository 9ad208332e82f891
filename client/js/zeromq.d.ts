import type { Options, Relay } from "./index.js";

export interface ZeromqOptions extends Options {
  /** Keys in Z85, for an encrypted broker. */
  curve?: { serverKey: string; publicKey: string; secretKey: string };
}

/** Connects to a broker, such as `tcp://127.0.0.1:5570`, with npm's `zeromq`. */
export function connect(server: string, options?: ZeromqOptions): Promise<Relay>;
export function create(server: string, options?: ZeromqOptions): Relay;
