/** The same numbers every time (mulberry32), so that a map looks alike on each visit. */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Fisher and Yates, in place. */
export function shuffle(values: Uint32Array, seed = 1): Uint32Array {
  const next = random(seed);
  for (let i = values.length - 1; i > 0; i--) {
    const j = (next() * (i + 1)) | 0;
    const kept = values[i];
    values[i] = values[j];
    values[j] = kept;
  }
  return values;
}
