/** What the points' colours say: for one column, a code for each row, a palette, and the legend's entries. */
import type { ColumnAbout } from "../api";
import { category, missing, plain, ramp, type Theme } from "../map/colours";

const STEPS = 254; // of a ramp; the code after them is for the missing

export type Entry = { code: number; name: string; count: number; colour: string };
export type Colouring = {
  column: string | null;
  kind: "none" | "category" | "number";
  codes: ArrayLike<number>;
  colours: string[]; // by code
  entries: Entry[]; // categories, commonest first, then the missing
  low: number; // of the ramp
  high: number;
  about: ColumnAbout | null;
  values: ArrayLike<number> | null;
};

export function none(rows: number, theme: Theme): Colouring {
  const colours = [plain(theme)];
  return {
    column: null, kind: "none", codes: new Uint8Array(rows), colours, entries: [], low: 0, high: 1, about: null, values: null,
  }; // prettier-ignore
}

export function colouring(about: ColumnAbout, values: ArrayLike<number>, theme: Theme): Colouring {
  const made = about.categories ? categories(about, values, theme) : numbers(about, values, theme);
  return { column: about.name, about, values, ...made };
}

type Made = Omit<Colouring, "column" | "about" | "values">;

function categories(about: ColumnAbout, values: ArrayLike<number>, theme: Theme): Made {
  const names = about.categories ?? [];
  const absent = about.type === "u8" ? 255 : 65535;
  const codes = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) codes[i] = values[i] === absent ? names.length : values[i];
  const colours = [...names.map((_, i) => category(i, theme)), missing(theme)];
  const entries = names.map(({ name, count }, code) => ({ code, name, count, colour: colours[code] }));
  entries.sort((a, b) => b.count - a.count);
  if (about.missing > 0)
    entries.push({ code: names.length, name: "(none)", count: about.missing, colour: missing(theme) });
  return { kind: "category", codes, colours, entries, low: 0, high: 1 };
}

function numbers(about: ColumnAbout, values: ArrayLike<number>, theme: Theme): Made {
  const low = about.percentiles?.["1"] ?? about.min ?? 0;
  const high = about.percentiles?.["99"] ?? about.max ?? 1;
  const scale = (STEPS - 1) / (high - low || 1);
  const codes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const step = Math.round((values[i] - low) * scale);
    codes[i] = Number.isNaN(step) ? STEPS : Math.min(Math.max(step, 0), STEPS - 1);
  }
  const colours = Array.from({ length: STEPS }, (_, i) => ramp(i / (STEPS - 1), theme));
  return { kind: "number", codes, colours: [...colours, missing(theme)], entries: [], low, high };
}

/** The rows with that code. */
export function withCode(codes: ArrayLike<number>, code: number): Uint32Array {
  const found: number[] = [];
  for (let i = 0; i < codes.length; i++) if (codes[i] === code) found.push(i);
  return Uint32Array.from(found);
}

/** The rows whose value lies between, ends included. */
export function between(values: ArrayLike<number>, low: number, high: number): Uint32Array {
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] >= low && values[i] <= high) found.push(i);
  return Uint32Array.from(found);
}

