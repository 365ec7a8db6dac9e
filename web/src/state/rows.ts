/** Sets of rows: ascending, without repeats. */

export type Rows = Uint32Array;
export type Operation = "new" | "add" | "subtract" | "intersect";

export function rowsOf(values: Iterable<number>): Rows {
  const sorted = Uint32Array.from(values).sort();
  let n = 0;
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[n++] = sorted[i];
  return sorted.slice(0, n);
}

export function combine(a: Rows, b: Rows, operation: Operation): Rows {
  if (operation === "new") return b;
  const out = new Uint32Array(operation === "add" ? a.length + b.length : a.length);
  let n = 0;
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const onlyA = j >= b.length || (i < a.length && a[i] < b[j]);
    const onlyB = !onlyA && (i >= a.length || b[j] < a[i]);
    if (onlyA ? operation !== "intersect" : onlyB ? operation === "add" : operation !== "subtract")
      out[n++] = onlyB ? b[j] : a[i];
    if (!onlyB) i++;
    if (!onlyA) j++;
  }
  return out.slice(0, n);
}

export function same(a: Rows, b: Rows): boolean {
  return a.length === b.length && a.every((row, i) => row === b[i]);
}

export function has(rows: Rows, row: number): boolean {
  let [from, to] = [0, rows.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (rows[middle] < row) from = middle + 1;
    else to = middle;
  }
  return rows[from] === row;
}
