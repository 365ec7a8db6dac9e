/** Values as text. */
import type { Value } from "../api";

export function shown(value: Value | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return number(value);
  return String(value);
}

export function number(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return value.toLocaleString();
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
