/** Which point is under the mouse, which are inside a line: exact, on the processor. */
import type { Box, Point } from "./camera";
import { Tiles } from "./tiles";

export class Finder {
  private readonly tiles: Tiles;

  constructor(
    private readonly x: Float32Array,
    private readonly y: Float32Array,
  ) {
    this.tiles = new Tiles(x, y, 48);
  }

  /** The row nearest to (x, y) and no farther than `radius`, or -1. */
  nearest(x: number, y: number, radius: number): number {
    let best = -1;
    let least = radius * radius;
    for (const [from, to] of this.tiles.runs({ x0: x - radius, y0: y - radius, x1: x + radius, y1: y + radius }))
      for (let i = from; i < to; i++) {
        const row = this.tiles.order[i];
        const d = (this.x[row] - x) ** 2 + (this.y[row] - y) ** 2;
        if (d < least || (d === least && row < best)) {
          least = d;
          best = row;
        }
      }
    return best;
  }

  /** Calls with each row in the box, in no order. */
  each(box: Box, call: (row: number) => void): void {
    for (const [from, to] of this.tiles.runs(box))
      for (let i = from; i < to; i++) {
        const row = this.tiles.order[i];
        const x = this.x[row];
        const y = this.y[row];
        if (x >= box.x0 && x <= box.x1 && y >= box.y0 && y <= box.y1) call(row);
      }
  }

  box(box: Box): Uint32Array {
    const found: number[] = [];
    this.each(box, (row) => found.push(row));
    return Uint32Array.from(found).sort();
  }

  /** The rows inside the closed line, by the even-odd rule. */
  lasso(line: readonly Point[]): Uint32Array {
    const found: number[] = [];
    if (line.length > 2)
      this.each(around(line), (row) => {
        if (inside(line, this.x[row], this.y[row])) found.push(row);
      });
    return Uint32Array.from(found).sort();
  }
}

export function around(line: readonly Point[]): Box {
  const box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (const { x, y } of line) {
    box.x0 = Math.min(box.x0, x);
    box.x1 = Math.max(box.x1, x);
    box.y0 = Math.min(box.y0, y);
    box.y1 = Math.max(box.y1, y);
  }
  return box;
}

/** A ray to the right crosses the line an odd number of times. */
export function inside(line: readonly Point[], x: number, y: number): boolean {
  let odd = false;
  for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
    const a = line[i];
    const b = line[j];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) odd = !odd;
  }
  return odd;
}
