/** Colours of the points: of categories, of numbers, of nothing; for paper that is light or dark. */

// Okabe & Ito's and Tol's, as in the pictures that `ilk map` draws: told apart with any colour vision.
const LIGHT = [
  "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
  "#882255", "#999933", "#332288", "#44aa99", "#aa4499", "#777777",
]; // prettier-ignore
const DARK = [
  "#4aa3df", "#f0803c", "#2dc595", "#e39ac4", "#f2b63c", "#8accf2",
  "#d0588f", "#c6c65a", "#8d83e0", "#6fd0c0", "#cf7ad0", "#b0b4bc",
]; // prettier-ignore
// Nine stops of viridis (Smith and van der Walt, CC0), the end left out that the paper swallows.
const VIRIDIS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
const MISSING = { light: "#b9bec8", dark: "#565d6b" };
const PLAIN = { light: "#3a6ea5", dark: "#7fb2e5" };

export type Theme = "light" | "dark";

export function category(code: number, theme: Theme): string {
  const base = theme === "light" ? LIGHT : DARK;
  if (code < base.length) return base[code];
  const turn = (code * 137.508) % 360; // the golden angle: neighbours differ
  const step = Math.floor(code / base.length) % 3;
  return hsl(turn, 0.55, theme === "light" ? 0.36 + 0.09 * step : 0.56 + 0.09 * step);
}

/** `t` from 0 to 1. */
export function ramp(t: number, theme: Theme): string {
  const at = (theme === "light" ? t * 0.92 : 0.12 + t * 0.88) * (VIRIDIS.length - 1);
  const i = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const [a, b] = [rgb(VIRIDIS[i]), rgb(VIRIDIS[i + 1])];
  return hex(a.map((v, c) => v + (b[c] - v) * (at - i)));
}

export const missing = (theme: Theme): string => MISSING[theme];
export const plain = (theme: Theme): string => PLAIN[theme];

/** RGBA bytes, four a colour. */
export function palette(colours: readonly string[]): Uint8Array {
  return Uint8Array.from(colours.flatMap((c) => [...rgb(c), 255]));
}

export function rgb(colour: string): [number, number, number] {
  const n = parseInt(colour.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

function hex(values: readonly number[]): string {
  return `#${values.map((v) => Math.round(v).toString(16).padStart(2, "0")).join("")}`;
}

function hsl(h: number, s: number, l: number): string {
  const part = (n: number): number => {
    const k = (n + h / 30) % 12;
    return 255 * (l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  };
  return hex([part(0), part(8), part(4)]);
}
