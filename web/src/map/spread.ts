/** The place and spread of rows on the map, strays left out: a few far members would blow up a group's outline. */
import type { Box } from "./camera";

export type Spread = { x: number; y: number; covariance: [[number, number], [number, number]] };

const MOST = 1500; // members of a group that are looked at
const KEPT = 0.9; // of a group's members, those nearest its middle
// A Gaussian's covariance over the covariance of its central 90% in two dimensions:
// 0.9 / (0.9 + 0.1 ln 0.1), from the integral of r^2 exp(-r^2 / 2) up to the radius that holds 90%.
const SHRUNK = KEPT / (KEPT + (1 - KEPT) * Math.log(1 - KEPT));

export function spreads(x: Float32Array, y: Float32Array, groupOf: ArrayLike<number>, groups: number): Spread[] {
  const sizes = new Array<number>(groups).fill(0);
  for (let i = 0; i < x.length; i++) if (groupOf[i] < groups) sizes[groupOf[i]]++;
  const every = sizes.map((size) => Math.ceil(size / MOST));
  const passed = new Array<number>(groups).fill(0);
  const members: number[][] = Array.from({ length: groups }, () => []);
  for (let i = 0; i < x.length; i++) {
    const group = groupOf[i];
    if (group < groups && passed[group]++ % every[group] === 0 && Number.isFinite(x[i])) members[group].push(i);
  }
  return members.map((rows) => spread(x, y, rows));
}

/** The box that holds these rows; of many, all but the outer 2% on each side. */
export function most(x: Float32Array, y: Float32Array, rows: ArrayLike<number>): Box {
  const cut = rows.length > 20 ? Math.floor(rows.length / 50) : 0;
  const [xs, ys] = [x, y].map((values) => Float32Array.from(rows, (row) => values[row]).sort());
  const last = rows.length - 1 - cut;
  return { x0: xs[cut], y0: ys[cut], x1: xs[last], y1: ys[last] };
}

function spread(x: Float32Array, y: Float32Array, rows: number[]): Spread {
  const all = Array.from(rows, (i) => x[i]).sort((a, b) => a - b);
  const middle = { x: all[all.length >> 1] ?? 0, y: rows.map((i) => y[i]).sort((a, b) => a - b)[rows.length >> 1] ?? 0 };
  const rough = moments(x, y, nearest(x, y, rows, { ...middle, covariance: [[1, 0], [0, 1]] }));
  const { covariance, ...place } = moments(x, y, nearest(x, y, rows, rough));
  const [[a, b], [, c]] = covariance;
  return { ...place, covariance: [[a * SHRUNK, b * SHRUNK], [b * SHRUNK, c * SHRUNK]] };
}

/** Nearest in the measure of the spread (Mahalanobis). */
function nearest(x: Float32Array, y: Float32Array, rows: number[], { x: mx, y: my, covariance }: Spread): number[] {
  const [[a, b], [, c]] = covariance;
  const det = a * c - b * b || 1;
  const far = new Map(rows.map((i) => [i, (c * (x[i] - mx) ** 2 - 2 * b * (x[i] - mx) * (y[i] - my) + a * (y[i] - my) ** 2) / det]));
  return rows.toSorted((i, j) => far.get(i)! - far.get(j)!).slice(0, Math.max(Math.ceil(rows.length * KEPT), 1));
}

function moments(x: Float32Array, y: Float32Array, rows: number[]): Spread {
  const n = Math.max(rows.length, 1);
  let [mx, my, a, b, c] = [0, 0, 0, 0, 0];
  for (const i of rows) {
    mx += x[i] / n;
    my += y[i] / n;
  }
  for (const i of rows) {
    a += (x[i] - mx) ** 2 / n;
    b += ((x[i] - mx) * (y[i] - my)) / n;
    c += (y[i] - my) ** 2 / n;
  }
  return { x: mx, y: my, covariance: [[a, b], [b, c]] };
}
