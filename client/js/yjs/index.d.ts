import type { Awareness } from "y-protocols/awareness";
import type { Doc } from "yjs";
import type { Relay } from "../index.js";

export interface ProviderOptions {
  /** Cursors and names go over the room `awarenessRoom` (default: the document's room and `/awareness`). Give it the level `none`. */
  awareness?: Awareness;
  awarenessRoom?: string;
  /** Updates after which a snapshot is written. Default 200. */
  snapshotEvery?: number;
  /** Milliseconds that updates wait for further ones, to travel together. Default 20. */
  gather?: number;
  /** Milliseconds; each client waits a random time up to it, so that one of them writes the snapshot. Default 2,000. */
  snapshotWait?: number;
}

/** Keeps a document and a room the same. */
export class ZrelayProvider {
  constructor(relay: Relay, room: string, doc: Doc, options?: ProviderOptions);
  readonly synced: boolean;
  /** Fulfilled once the document has all that the room holds. */
  readonly whenSynced: Promise<ZrelayProvider>;
  on(event: "synced", listener: () => void): () => void;
  on(event: "problem", listener: (error: Error) => void): () => void;
  /** Writes a snapshot now. False: another client was faster, or nothing is new. */
  snapshot(): Promise<boolean>;
  /** Publishes what waits, and leaves the rooms. */
  destroy(): Promise<void>;
}
