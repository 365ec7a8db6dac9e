/**
 * Which points are shown as pictures: one for each cell of a grid that is laid on the data, not on the
 * screen, so that a picture stays while the map is moved. Cells halve as one comes closer.
 */
import type { Box, Camera } from "./camera";

const SMALLEST = 44; // pixels a cell, up to twice this
const FILL = 0.86; // of a cell by its picture
const OVERLAP = 0.12; // of a picture's side that its neighbour may hide, before it is left out
const MOST = 24_000; // points in view, above which no picture is shown

export type Chosen = { rows: Uint32Array; side: number; opacity: number };
export const NONE: Chosen = { rows: new Uint32Array(0), side: 0, opacity: 0 };

export function choose(
  camera: Camera,
  seen: number, // points in view, roughly
  each: (box: Box, call: (row: number) => void) => void,
  x: Float32Array,
  y: Float32Array,
  first: number | null = null, // a row that is shown before all others
): Chosen {
  if (seen > MOST) return NONE;
  const cell = 2 ** Math.ceil(Math.log2(SMALLEST / camera.scale));
  const view = camera.view();
  const left = Math.floor(view.x0 / cell) - 1;
  const low = Math.floor(view.y0 / cell) - 1;
  const across = Math.floor(view.x1 / cell) + 2 - left;
  const up = Math.floor(view.y1 / cell) + 2 - low;
  const best = new Int32Array(across * up).fill(-1);
  const least = new Float64Array(across * up).fill(Infinity);
  let n = 0;
  each({ x0: left * cell, y0: low * cell, x1: (left + across) * cell, y1: (low + up) * cell }, (row) => {
    n++;
    const u = x[row] / cell - left;
    const v = y[row] / cell - low;
    const at = Math.min(Math.floor(v), up - 1) * across + Math.min(Math.floor(u), across - 1);
    const d = (u - Math.floor(u) - 0.5) ** 2 + (v - Math.floor(v) - 0.5) ** 2;
    if (d < least[at]) {
      least[at] = d;
      best[at] = row;
    }
  });
  const rows = [...best].filter((row) => row >= 0);
  const opacity = strength(n / Math.max(rows.length, 1), camera.zoom);
  if (opacity === 0) return NONE;
  rows.sort((a, b) => order(a) - order(b));
  if (first !== null) rows.unshift(first);
  return { rows: apart(rows, x, y, cell * FILL * (1 - OVERLAP)), side: cell * FILL * camera.scale, opacity };
}

/** Pictures fade in where each stands for few points; from the first only where they hide nothing. */
function strength(crowd: number, zoom: number): number {
  if (crowd < 3) return 1;
  return clamp((20 - crowd) / 4) * clamp((zoom - 1.2) / 0.3);
}

/** The rows whose places are at least `distance` apart in x or in y, the earlier kept before the later. */
function apart(rows: number[], x: Float32Array, y: Float32Array, distance: number): Uint32Array {
  const kept = new Map<string, number[]>();
  const accepted: number[] = [];
  for (const row of rows) {
    const u = Math.floor(x[row] / distance);
    const v = Math.floor(y[row] / distance);
    let free = true;
    for (let i = u - 1; i <= u + 1 && free; i++)
      for (let j = v - 1; j <= v + 1 && free; j++)
        for (const other of kept.get(`${i},${j}`) ?? [])
          if (Math.abs(x[other] - x[row]) < distance && Math.abs(y[other] - y[row]) < distance) free = false;
    if (!free) continue;
    accepted.push(row);
    const key = `${u},${v}`;
    kept.set(key, [...(kept.get(key) ?? []), row]);
  }
  return Uint32Array.from(accepted);
}

/** The same in every view, so that who hides whom does not change with it. */
function order(row: number): number {
  return Math.imul(row + 1, 2654435761) >>> 0;
}

function clamp(v: number): number {
  return Math.min(Math.max(v, 0), 1);
}
