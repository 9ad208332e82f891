/** Binds a textarea to a Y.Text: what is typed becomes the smallest change, and what comes keeps the cursor at its place. */

/** What turns `before` into `after`: at `at`, `removed` characters go and `inserted` comes. It does not cut a character in two. */
export function change(before, after) {
  let at = 0;
  while (at < before.length && at < after.length && before[at] === after[at]) at++;
  if (at > 0 && /[\ud800-\udbff]/.test(before[at - 1])) at--;
  let end = 0;
  while (end < before.length - at && end < after.length - at && before.at(-1 - end) === after.at(-1 - end)) end++;
  if (end > 0 && /[\udc00-\udfff]/.test(before.at(-end))) end--;
  return { at, removed: before.length - at - end, inserted: after.slice(at, after.length - end) };
}

/** Where a cursor stands after a delta of Y.Text. */
export function moved(cursor, delta) {
  let at = 0;
  for (const { retain = 0, insert = "", delete: removed = 0 } of delta) {
    at += retain;
    if (at >= cursor && !(removed === 0 && at < cursor)) break;
    if (insert) {
      cursor += insert.length;
      at += insert.length;
    }
    if (removed) cursor -= Math.min(removed, cursor - at);
  }
  return cursor;
}

export function bind(input, text, tellCursor) {
  const typing = {}; // marks our own changes
  input.value = text.toString();
  input.addEventListener("input", () => {
    const { at, removed, inserted } = change(text.toString(), input.value);
    text.doc.transact(() => {
      if (removed) text.delete(at, removed);
      if (inserted) text.insert(at, inserted);
    }, typing);
  });
  text.observe((event, transaction) => {
    if (transaction.origin === typing) return;
    const [start, end] = [moved(input.selectionStart, event.delta), moved(input.selectionEnd, event.delta)];
    input.value = text.toString();
    input.setSelectionRange(start, end);
  });
  document.addEventListener("selectionchange", () => document.activeElement === input && tellCursor(input.selectionStart));
}
