/** Which of a run's figures are shown, and in what order: first what says whether it learns. */
import type { Run, Series } from "../api";

const FIRST = ["loss", "rank", "view_retrieval"];
const SAME = new Set(["samples", "dim"]); // throughout a run

export function figures(run: Run): [name: string, series: Series][] {
  const terms = Object.keys(run.figures).filter((name) => name.startsWith("terms."));
  const place = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return Object.entries(run.figures)
    .filter(([name]) => !SAME.has(name) && !(terms.length === 1 && name === terms[0])) // one term is the loss
    .sort(([a], [b]) => place(a) - place(b));
}
