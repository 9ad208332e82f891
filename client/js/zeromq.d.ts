import type { Options, Relay } from "./index.js";

export interface ZeromqOptions extends Options {
  /** Keys in Z85, for an encrypted broker. */
  curve?: { serverKey: string | string[]; publicKey: string; secretKey: string };
}

/**
 * Connects to a broker, such as `tcp://127.0.0.1:5570`, or to the first of several that answers, with npm's `zeromq`. After a loss the client also tries
 * the brokers that the last one named.
 */
export function connect(servers: string | string[], options?: ZeromqOptions): Promise<Relay>;
export function create(servers: string | string[], options?: ZeromqOptions): Relay;
