/**
 * What an entry of a document's room holds: a whole update, or a part of one that is larger than a frame. A body begins with a byte:
 *
 *   00 update
 *   01 id[8] index[u16] count[u16] part of an update
 *   02 (nothing more) asks for a snapshot
 */
const [WHOLE, PART, ASK] = [0, 1, 2];
const PART_HEAD = 1 + 8 + 2 + 2;
const PARTS_MAX = 1024; // of one update
const UNFINISHED_MAX = 64; // updates whose parts are not all here

/** The bodies that carry `update`, each at most `size` bytes. */
export function encodeUpdate(update, size, id) {
  if (update.length + 1 <= size) return [join([WHOLE], update)];
  const room = size - PART_HEAD;
  const count = Math.ceil(update.length / room);
  if (count > PARTS_MAX) throw new RangeError(`an update has at most ${PARTS_MAX} parts, this one needs ${count}`);
  return Array.from({ length: count }, (_, index) =>
    join([PART, ...id, index >> 8, index & 0xff, count >> 8, count & 0xff], update.subarray(index * room, (index + 1) * room)));
}

export const encodeAsk = () => new Uint8Array([ASK]);

export function join(...pieces) {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** Puts parts together, in the order of the room. */
export class Parts {
  #unfinished = new Map(); // id: the parts so far, and the seq of the first one

  /** Takes an entry. Gives `{ update }`, `{ ask: true }`, or `{}` for a part that is not the last one, and for what it does not know. */
  take({ seq, body }) {
    if (body[0] === WHOLE) return { update: body.subarray(1) };
    if (body[0] === ASK) return { ask: true };
    if (body[0] !== PART || body.length < PART_HEAD) return {};
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    const [id, index, count] = [body.subarray(1, 9).join(), view.getUint16(9), view.getUint16(11)];
    if (count === 0 || count > PARTS_MAX || index >= count) return {};
    if (!this.#unfinished.has(id)) this.#begin(id, seq);
    const { pieces } = this.#unfinished.get(id);
    pieces.set(index, body.subarray(PART_HEAD));
    if (pieces.size < count) return {};
    this.#unfinished.delete(id);
    return { update: join(...Array.from({ length: count }, (_, at) => pieces.get(at) ?? [])) };
  }

  /** A sender that never ends its updates takes the place of the oldest. */
  #begin(id, seq) {
    if (this.#unfinished.size === UNFINISHED_MAX) this.#unfinished.delete(this.#unfinished.keys().next().value);
    this.#unfinished.set(id, { seq, pieces: new Map() });
  }

  /** The seq up to which all updates are whole, if the entries up to `seq` were taken. */
  whole(seq) {
    return Math.min(seq, ...[...this.#unfinished.values()].map((each) => each.seq - 1));
  }
}
