import { describe, expect, test } from "vitest";
import { Camera } from "../src/map/camera";
import { choose } from "../src/map/cells";
import { Finder, inside } from "../src/map/finder";
import { within } from "../src/map/lines";
import { axes } from "../src/map/overlay";
import { random, shuffle } from "../src/map/random";
import { most, spreads } from "../src/map/spread";
import { Tiles } from "../src/map/tiles";
import { Edges } from "../src/state/edges";

/** Dense knots, an even ground, far outliers, doubles and places that are missing. */
function points(n: number, seed: number): [Float32Array, Float32Array] {
  const next = random(seed);
  const x = new Float32Array(n);
  const y = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const far = i % 97 === 0 ? 1000 : i % 3 === 0 ? 0.01 : 1;
    x[i] = (next() - 0.5) * far;
    y[i] = (next() - 0.5) * far;
    if (i % 50 === 1) [x[i], y[i]] = [x[i - 1], y[i - 1]];
    if (i % 201 === 2) x[i] = NaN;
  }
  return [x, y];
}

describe("tiles", () => {
  test.each([0, 1, 2, 500, 20_000])("hold each of %i points once, in any box", (n) => {
    const [x, y] = points(n, n);
    const tiles = new Tiles(x, y, 50, 512, true);
    const placed = [...x.keys()].filter((i) => !Number.isNaN(x[i]));
    expect([...tiles.order].sort((a, b) => a - b)).toEqual(placed);
    for (const box of [{ x0: -0.1, y0: -0.2, x1: 0.3, y1: 0.1 }, { x0: 5, y0: -900, x1: 900, y1: 900 }]) {
      const found = new Set<number>();
      for (const [from, to] of tiles.tiles(box)) for (let i = from; i < to; i++) found.add(tiles.order[i]);
      const run = [...tiles.runs(box)].reduce((total, [from, to]) => total + to - from, 0);
      expect(run).toBe(found.size);
      for (const i of placed)
        if (x[i] >= box.x0 && x[i] <= box.x1 && y[i] >= box.y0 && y[i] <= box.y1) expect(found.has(i)).toBe(true);
    }
  });

  test("are about equally full, whatever the density", () => {
    const [x, y] = points(50_000, 3);
    const tiles = new Tiles(x, y, 500);
    const sizes = Array.from(tiles.starts.slice(1), (end, t) => end - tiles.starts[t]);
    expect(Math.max(...sizes)).toBeLessThan(3 * 500);
  });

  test("a first part of each tile is an unbiased sample", () => {
    const n = 40_000;
    const next = random(5);
    const x = Float32Array.from({ length: n }, () => next());
    const y = Float32Array.from({ length: n }, () => next());
    const tiles = new Tiles(x, y, 2500, 16, true);
    let [sum, count] = [0, 0];
    for (const [from, to] of tiles.tiles({ x0: -1, y0: -1, x1: 2, y1: 2 }))
      for (let i = from; i < from + (to - from) / 10; i++) [sum, count] = [sum + tiles.order[i], count + 1];
    // Rows are numbered in the order of their making: their mean is (n - 1) / 2, give or take 3 standard errors.
    expect(Math.abs(sum / count - (n - 1) / 2)).toBeLessThan((3 * n) / Math.sqrt(12 * count));
  });
});

describe("finding", () => {
  const [x, y] = points(5000, 11);
  const finder = new Finder(x, y);
  const next = random(2);

  test("the nearest is the one that a search of all finds", () => {
    for (let k = 0; k < 300; k++) {
      const scale = k % 2 ? 0.02 : 1.2;
      const [px, py, radius] = [(next() - 0.5) * scale, (next() - 0.5) * scale, next() * 0.05];
      let best = -1;
      let least = radius * radius;
      for (let i = 0; i < x.length; i++) {
        const d = (x[i] - px) ** 2 + (y[i] - py) ** 2;
        if (d < least) [best, least] = [i, d];
      }
      expect(finder.nearest(px, py, radius)).toBe(best);
    }
  });

  test("a lasso finds exactly those inside", () => {
    for (let k = 0; k < 40; k++) {
      const line = Array.from({ length: 3 + (k % 30) }, () => ({ x: (next() - 0.5) * 1.1, y: (next() - 0.5) * 1.1 }));
      const all = [...x.keys()].filter((i) => inside(line, x[i], y[i]));
      expect([...finder.lasso(line)]).toEqual(all);
    }
  });

  test("even-odd by hand: a star's middle is outside, a square's edge on the left inside", () => {
    const star = [0, 2, 4, 1, 3].map((k) => ({ x: Math.sin((k * 2 * Math.PI) / 5), y: Math.cos((k * 2 * Math.PI) / 5) }));
    expect(inside(star, 0, 0)).toBe(false);
    expect(inside(star, 0, 0.7)).toBe(true);
    const square = [{ x: 0, y: 0 }, { x: 1, y: 0 }, { x: 1, y: 1 }, { x: 0, y: 1 }];
    expect([inside(square, 0, 0.5), inside(square, 1, 0.5), inside(square, 0.5, 0.5)]).toEqual([true, false, true]);
  });

  test("of nothing, nothing", () => {
    const none = new Finder(new Float32Array(0), new Float32Array(0));
    expect(none.nearest(0, 0, 10)).toBe(-1);
    expect(none.lasso([{ x: 0, y: 0 }, { x: 1, y: 0 }, { x: 0, y: 1 }])).toHaveLength(0);
  });
});

describe("camera", () => {
  function camera(): Camera {
    const made = new Camera();
    made.home = { x0: -2, y0: -1, x1: 2, y1: 1 };
    made.resize(1000, 800);
    Object.assign(made, made.fitting(made.home));
    return made;
  }

  test("there and back", () => {
    const c = camera();
    c.zoomAt(10, 20, 3.7);
    const at = c.toScreen(0.3, -0.4);
    const back = c.toData(at.x, at.y);
    expect(back.x).toBeCloseTo(0.3, 12);
    expect(back.y).toBeCloseTo(-0.4, 12);
  });

  test("zooming keeps what lies under the mouse", () => {
    const c = camera();
    const before = c.toData(120, 640);
    c.zoomAt(120, 640, 8);
    expect(c.toData(120, 640).x).toBeCloseTo(before.x, 12);
    expect(c.toData(120, 640).y).toBeCloseTo(before.y, 12);
    expect(c.zoom).toBeCloseTo(8, 12);
  });

  test("fits a box clear of the bar above: 6% free on each side, the wider side counts", () => {
    const c = camera();
    c.above = 100;
    Object.assign(c, c.fitting({ x0: 10, y0: 0, x1: 12, y1: 1 }));
    expect(c.scale).toBeCloseTo((1000 * 0.88) / 2, 9);
    expect(c.toScreen(11, 0.5).x).toBeCloseTo(500, 9);
    expect(c.toScreen(11, 0.5).y).toBeCloseTo(450, 9);
  });

  test("a new size keeps how close one is", () => {
    const c = camera();
    c.zoomAt(500, 400, 5);
    c.resize(400, 700);
    expect(c.zoom).toBeCloseTo(5, 9);
  });
});

describe("pictures", () => {
  const next = random(9);
  const x = Float32Array.from({ length: 3000 }, () => next());
  const y = Float32Array.from({ length: 3000 }, () => next());
  const finder = new Finder(x, y);
  const shown = (c: Camera): Set<number> => new Set(choose(c, 3000, (box, call) => finder.each(box, call), x, y).rows);
  function close(): Camera {
    const c = new Camera();
    c.home = { x0: 0, y0: 0, x1: 1, y1: 1 };
    c.resize(1000, 1000);
    Object.assign(c, { x: 0.5, y: 0.5, scale: 8000 });
    return c;
  }

  test("stay while the map is moved", () => {
    const c = close();
    const before = shown(c);
    c.pan(37, -23);
    const after = shown(c);
    const { x0, y0, x1, y1 } = c.view();
    // Whoever is well inside of both views is in both or in neither.
    const seen = (i: number): boolean => x[i] > x0 + 0.02 && x[i] < x1 - 0.02 && y[i] > y0 + 0.02 && y[i] < y1 - 0.02;
    expect([...before].filter(seen).sort()).toEqual([...after].filter(seen).sort());
    expect(before.size).toBeGreaterThan(20);
  });

  test("do not hide one another", () => {
    const c = close();
    const { rows, side } = choose(c, 3000, (box, call) => finder.each(box, call), x, y);
    for (const a of rows)
      for (const b of rows)
        if (a < b) expect(Math.max(Math.abs(x[a] - x[b]), Math.abs(y[a] - y[b])) * c.scale).toBeGreaterThan(side * 0.87);
  });

  test("are away where each would stand for too many", () => {
    const c = close();
    Object.assign(c, c.fitting(c.home));
    expect(shown(c).size).toBe(0);
  });
});

describe("groups' outlines", () => {
  test("axes of covariances by hand", () => {
    expect(axes([[4, 0], [0, 1]])).toEqual({ major: 2, minor: 1, turn: 0 });
    const { major, minor, turn } = axes([[2.5, 1.5], [1.5, 2.5]]); // eigenvalues 4 and 1, along the diagonals
    expect([major, minor]).toEqual([2, 1]);
    expect(turn).toBeCloseTo(Math.PI / 4, 12);
  });

  test("a Gaussian's own spread comes back, strays or not", () => {
    const next = random(1);
    const gauss = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    const n = 4000;
    const x = Float32Array.from({ length: n }, (_, i) => (i < 100 ? 80 : 3 + 2 * gauss()));
    const y = Float32Array.from({ length: n }, (_, i) => (i < 100 ? -90 : gauss()));
    const [{ x: cx, y: cy, covariance }] = spreads(x, y, new Uint8Array(n), 1);
    expect(cx).toBeCloseTo(3, 0);
    expect(cy).toBeCloseTo(0, 0);
    expect(covariance[0][0]).toBeGreaterThan(3.4);
    expect(covariance[0][0]).toBeLessThan(5);
    expect(covariance[1][1]).toBeGreaterThan(0.85);
    expect(covariance[1][1]).toBeLessThan(1.25);
  });
});

test("where most rows are: of few all, of many not the outer ones", () => {
  const x = Float32Array.from({ length: 100 }, (_, i) => (i === 7 ? 1e6 : i));
  const y = x.map((v) => -v);
  expect(most(x, y, [3, 7, 5])).toEqual({ x0: 3, y0: -1e6, x1: 1e6, y1: -3 });
  expect(most(x, y, [...x.keys()])).toEqual({ x0: 2, y0: -98, x1: 98, y1: -2 }); // 2 cut off on each side; the stray is one
});

test("a shuffle keeps every value", () => {
  const values = Uint32Array.from({ length: 1000 }, (_, i) => i);
  const shuffled = shuffle(values.slice());
  expect(shuffled).not.toEqual(values);
  expect(shuffled.sort()).toEqual(values);
});

describe("edges", () => {
  const x = Float32Array.of(0, 1, 2, NaN, 9);
  const y = Float32Array.of(0, 1, 2, 3, 9);
  const pairs = Uint32Array.of(0, 4, 4, 2, 1, 3, 0, 1, 4, 4);
  const box = { x0: -1, y0: -1, x1: 1.5, y1: 1.5 };

  test("with an end in the box are drawn, the first of them, where both ends have a place", () => {
    expect([...within(pairs, x, y, box, 10)]).toEqual([0, 4, 0, 1]);
    expect([...within(pairs, x, y, box, 1)]).toEqual([0, 4]);
    expect([...within(pairs, x, y, { x0: 3, y0: 3, x1: 4, y1: 4 }, 10)]).toEqual([]);
  });

  test("of rows are those that a look through all pairs finds", () => {
    const next = random(6);
    const [n, m] = [40, 150];
    const some = Uint32Array.from({ length: 2 * m }, () => Math.floor(next() * n));
    const edges = new Edges(some, 1000, n);
    expect([edges.length, edges.all]).toEqual([m, 1000]);
    for (const row of [0, 7, 39]) {
      const expected: number[] = [];
      for (let i = 0; i < 2 * m; i++) if (some[i] === row) expected.push(some[i ^ 1]);
      const found = edges.of([row], 1e6);
      expect(found.map(([, other]) => other).sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
      expect(found.every(([own]) => own === row)).toBe(true);
    }
    expect(edges.of([0, 7, 39], 4)).toHaveLength(4);
  });
});
