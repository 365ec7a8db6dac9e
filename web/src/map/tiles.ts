/**
 * The points sorted into tiles that hold about equally many: columns cut at quantiles of x, each column at
 * its own quantiles of y. A far outlier or a dense knot therefore costs nothing, as it would on a uniform grid.
 *
 * Used twice: coarse, shuffled within each tile, it is the order in which points are drawn, so that any first
 * part of each tile is an unbiased sample; fine, it finds the point under the mouse and those inside a lasso.
 */
import type { Box } from "./camera";
import { random, shuffle } from "./random";

const SAMPLE = 8; // rows drawn for each tile to find the cuts by, and no fewer than
const FEWEST = 16_384;

export type Run = [number, number]; // places of `order`, the end left out

export class Tiles {
  readonly side: number;
  readonly order: Uint32Array; // rows, tile after tile; rows without a place (NaN) are left out
  readonly starts: Uint32Array; // of tile t: order[starts[t] .. starts[t + 1]]
  private readonly columns: Float32Array; // side - 1 cuts in x
  private readonly cuts: Float32Array; // side x (side - 1) cuts in y

  constructor(
    private readonly x: Float32Array,
    private readonly y: Float32Array,
    perTile: number,
    most = 512,
    shuffled = false,
  ) {
    let placed = 0;
    const rows = new Uint32Array(x.length);
    for (let i = 0; i < x.length; i++) if (Number.isFinite(x[i]) && Number.isFinite(y[i])) rows[placed++] = i;
    const all = rows.subarray(0, placed);
    this.side = Math.min(Math.max(Math.round(Math.sqrt(placed / perTile)), 1), most);
    this.columns = new Float32Array(this.side - 1);
    this.cuts = new Float32Array(this.side * (this.side - 1));
    this.cut(all);
    this.starts = new Uint32Array(this.side * this.side + 1);
    this.order = this.sorted(all);
    if (shuffled)
      for (let t = 0; t + 1 < this.starts.length; t++) shuffle(this.order.subarray(this.starts[t], this.starts[t + 1]), t);
  }

  /** The tiles that may hold points of the box, as runs [first place, end) of `order`. */
  *runs(box: Box): Generator<Run> {
    const from = below(this.columns, 0, this.side - 1, box.x0);
    const to = below(this.columns, 0, this.side - 1, box.x1);
    for (let c = from; c <= to; c++) {
      const first = c * this.side + this.rowOf(c, box.y0);
      const last = c * this.side + this.rowOf(c, box.y1);
      if (this.starts[last + 1] > this.starts[first]) yield [this.starts[first], this.starts[last + 1]];
    }
  }

  /** The tiles of the box one by one, as runs of `order`. */
  *tiles(box: Box): Generator<Run> {
    const from = below(this.columns, 0, this.side - 1, box.x0);
    const to = below(this.columns, 0, this.side - 1, box.x1);
    for (let c = from; c <= to; c++) {
      const last = c * this.side + this.rowOf(c, box.y1);
      for (let t = c * this.side + this.rowOf(c, box.y0); t <= last; t++)
        if (this.starts[t + 1] > this.starts[t]) yield [this.starts[t], this.starts[t + 1]];
    }
  }

  private rowOf(column: number, y: number): number {
    const first = column * (this.side - 1);
    return below(this.cuts, first, first + this.side - 1, y) - first;
  }

  private cut(rows: Uint32Array): void {
    const n = Math.min(rows.length, Math.max(SAMPLE * this.side * this.side, FEWEST));
    const next = random(7);
    const drawn = new Uint32Array(n);
    for (let i = 0; i < n; i++) drawn[i] = n === rows.length ? rows[i] : rows[(next() * rows.length) | 0];
    const byX = [...drawn].sort((a, b) => this.x[a] - this.x[b]);
    for (let c = 0; c < this.side; c++) {
      const part = byX.slice(Math.floor((c * n) / this.side), Math.floor(((c + 1) * n) / this.side));
      if (c > 0) this.columns[c - 1] = part.length ? this.x[part[0]] : Infinity;
      const ys = Float32Array.from(part, (i) => this.y[i]).sort();
      for (let r = 1; r < this.side; r++)
        this.cuts[c * (this.side - 1) + r - 1] = ys[Math.floor((r * ys.length) / this.side)] ?? Infinity;
    }
  }

  private sorted(rows: Uint32Array): Uint32Array {
    const tile = new Uint32Array(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const column = below(this.columns, 0, this.side - 1, this.x[rows[i]]);
      tile[i] = column * this.side + this.rowOf(column, this.y[rows[i]]);
      this.starts[tile[i] + 1]++;
    }
    for (let t = 1; t < this.starts.length; t++) this.starts[t] += this.starts[t - 1];
    const next = this.starts.slice();
    const order = new Uint32Array(rows.length);
    for (let i = 0; i < rows.length; i++) order[next[tile[i]]++] = rows[i];
    return order;
  }
}

/** The first place in the ascending cuts[from..to) whose value is above v: how many cuts v has passed. */
function below(cuts: Float32Array, from: number, to: number, v: number): number {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (cuts[middle] <= v) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The parts of the runs between two shares of each, those that touch made one. */
export function joined(runs: Run[], from: number, to: number): Run[] {
  const parts: Run[] = [];
  for (const [start, end] of runs) {
    const part: Run = [start + Math.floor((end - start) * from), start + Math.floor((end - start) * to)];
    const last = parts[parts.length - 1];
    if (last && last[1] === part[0]) last[1] = part[1];
    else if (part[1] > part[0]) parts.push(part);
  }
  return parts;
}
