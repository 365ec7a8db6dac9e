import { describe, expect, test } from "vitest";
import { values } from "../src/api";
import { between, colouring, withCode } from "../src/state/colouring";
import { isCondition } from "../src/state/condition";
import { Mask, stepOf } from "../src/state/drawing";
import { combine, has, rowsOf, type Operation } from "../src/state/rows";
import { random } from "../src/map/random";
import { figures } from "../src/state/figures";
import { number } from "../src/state/show";

test("a run's figures: what says whether it learns comes first, what never changes not at all", () => {
  const series = { step: [1], value: [2] };
  const named = (...names: string[]) => Object.fromEntries(names.map((name) => [name, series]));
  const run = { name: "a", step: 1, steps: null, running: true, verdict: null };
  const shown = (...names: string[]) => figures({ ...run, figures: named(...names) }).map(([name]) => name);
  expect(shown("rate", "terms.contrast", "dim", "view_retrieval", "samples", "rank", "loss")).toEqual([
    "loss", "rank", "view_retrieval", "rate",
  ]); // prettier-ignore
  expect(shown("terms.a", "terms.b", "loss")).toEqual(["loss", "terms.a", "terms.b"]);
});

test("words are no condition, though they hold its words", () => {
  const conditions = ["a = 3", "a<3", "a IS NOT NULL", "a in (1, 2)", "a not in(1)", "a LIKE '%b%'", "a between 1 and 2", "a between 'x' and 'y'"]; // prettier-ignore
  const words = ["walking in the rain", "like a cat", "between us", "what is not known", "0042.png", "null"];
  expect(conditions.filter((text) => !isCondition(text))).toEqual([]);
  expect(words.filter(isCondition)).toEqual([]);
});

describe("sets of rows", () => {
  const means: Record<Operation, (inA: boolean, inB: boolean) => boolean> = {
    new: (_, b) => b,
    add: (a, b) => a || b,
    subtract: (a, b) => a && !b,
    intersect: (a, b) => a && b,
  };

  test.each(Object.keys(means) as Operation[])("%s, against one row after another", (operation) => {
    const next = random(4);
    for (let k = 0; k < 200; k++) {
      const [a, b] = [0, 1].map(() => rowsOf(Array.from({ length: next() * 20 }, () => Math.floor(next() * 30))));
      const expected = [...Array(30).keys()].filter((i) => means[operation](a.includes(i), b.includes(i)));
      expect([...combine(a, b, operation)]).toEqual(expected);
      for (let i = 0; i < 30; i++) expect(has(a, i)).toBe(a.includes(i));
    }
  });

  test("come sorted and without repeats", () => {
    expect([...rowsOf([5, 1, 5, 3, 1])]).toEqual([1, 3, 5]);
  });
});

describe("colours", () => {
  const about = { name: "c", from: "metadata", missing: 1 } as const;

  test("a category's code, the missing after all others", () => {
    const categories = [{ name: "a", count: 1 }, { name: "b", count: 2 }];
    const made = colouring({ ...about, kind: "category", type: "u8", categories }, Uint8Array.of(1, 0, 255, 1), "light");
    expect([...Uint16Array.from(made.codes)]).toEqual([1, 0, 2, 1]);
    expect(made.entries.map((e) => e.name)).toEqual(["b", "a", "(none)"]);
    expect([...withCode(made.codes, 1)]).toEqual([0, 3]);
    expect(made.colours).toHaveLength(3);
  });

  test("a number's place between its percentiles, the missing apart", () => {
    const percentiles = { "1": 0, "99": 10 };
    const data = Float32Array.of(-5, 0, 5, 10, 99, NaN);
    const made = colouring({ ...about, kind: "number", type: "f32", percentiles }, data, "dark");
    expect([...Uint8Array.from(made.codes)]).toEqual([0, 0, 127, 253, 253, 254]);
    expect(made.colours).toHaveLength(255);
    expect([...between(data, 0, 10)]).toEqual([1, 2, 3]);
  });
});

test("packed columns are read where they lie", () => {
  const bytes = new Uint8Array([0, 0, 128, 63, 0, 0, 0, 64, 7, 9]).buffer;
  expect([...Array.from(values(bytes, "f32", 0, 8))]).toEqual([1, 2]);
  expect([...Array.from(values(bytes, "u8", 8, 2))]).toEqual([7, 9]);
});

test("numbers are shown short", () => {
  expect([number(3), number(0.123456), number(1.5e-7), number(12345.678)]).toEqual(["3", "0.1235", "1.50e-7", "12350"]);
});

test("a mask holds what strokes have painted, and travels four cells a letter", () => {
  const mask = new Mask(4);
  mask.stroke(0.5, 0.5, 3.5, 0.5, 0.6, true); // along the upper row
  expect([...mask.cells]).toEqual([1, 1, 1, 1, ...new Array(12).fill(0)]);
  expect([mask.letters, mask.share]).toEqual(["f000", 0.25]);
  mask.stroke(3.5, 0.5, 3.5, 0.5, 0.6, false);
  expect(mask.letters).toBe("e000");
  mask.invert();
  expect(mask.letters).toBe("1fff");
  mask.stroke(-9, -9, -8, 30, 3, true); // beside it
  expect(mask.letters).toBe("1fff");
  const odd = new Mask(3);
  odd.fill(true);
  expect(odd.letters).toBe("ff8"); // nine cells, and three that are none
});

test("a slider's step is round, and fine enough", () => {
  expect([stepOf(0, 90), stepOf(0.1, 0.9), stepOf(-1, 1), stepOf(0, 5000)]).toEqual([0.5, 0.005, 0.01, 50]);
});
