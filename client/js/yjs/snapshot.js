/**
 * Snapshots of a document as keyed entries, so that a client that comes late loads one of them and the few updates after it.
 *
 *   key `snapshot`            JSON: { base, id, parts }: the document with every update up to the seq `base`
 *   key `snapshot/ID/INDEX`   the parts
 *
 * A writer puts its parts first and then exchanges `snapshot` by compare-and-set: of several writers one wins, and readers never see half of one.
 */
import { join } from "./parts.js";

const KEY = "snapshot";
const PARTS_MAX = 1024;
const ATTEMPTS_MAX = 10; // to read a snapshot while others replace it

const partKey = (id, index) => `${KEY}/${id}/${index}`;

export const isSnapshotKey = (key) => key === KEY || key?.startsWith(`${KEY}/`);

/** Reads the snapshot of a room: `{ base, seq, update }`; `seq` is what the next one is compared with. Without one, base and seq are 0. */
export async function readSnapshot(relay, room) {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const { entries } = await relay.snapshot(room);
    const head = entries.get(KEY);
    if (!head) return { base: 0, seq: 0, update: null, parts: [] };
    const { base, id, parts } = parseHead(head);
    const keys = Array.from({ length: parts }, (_, index) => partKey(id, index));
    const pieces = keys.map((key) => entries.get(key)?.body);
    if (pieces.every((piece) => piece)) return { base, seq: head.seq, update: join(...pieces), parts: [...entries.keys()].filter((key) => key !== KEY && isSnapshotKey(key)) };
  }
  throw new Error(`the snapshot of ${room} was never whole`);
}

export function parseHead({ text }) {
  const { base, id, parts } = JSON.parse(text);
  if (!Number.isSafeInteger(base) || typeof id !== "string" || !(parts > 0 && parts <= PARTS_MAX)) throw new Error("this is no snapshot of a document");
  return { base, id, parts };
}

/**
 * Writes a snapshot in the place of the one at `expect` (its seq), and removes the parts `old`. False: another client was faster.
 * `size` is the most bytes of a part.
 */
export async function writeSnapshot(relay, room, { update, base, expect, old, id, size }) {
  const parts = Math.max(1, Math.ceil(update.length / size));
  if (parts > PARTS_MAX) throw new RangeError(`a snapshot has at most ${PARTS_MAX} parts, this one needs ${parts}`);
  const keys = Array.from({ length: parts }, (_, index) => partKey(id, index));
  await Promise.all(keys.map((key, index) => relay.publish(room, update.subarray(index * size, (index + 1) * size), { key })));
  try {
    await relay.publish(room, JSON.stringify({ base, id, parts }), { key: KEY, expect });
  } catch (error) {
    await remove(relay, room, keys);
    if (error.code === "conflict") return false;
    throw error;
  }
  await remove(relay, room, old);
  return true;
}

const remove = (relay, room, keys) => Promise.all(keys.map((key) => relay.publish(room, undefined, { key, deleted: true })));
