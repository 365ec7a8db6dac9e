/** Which rows are linked, as the graph said that the space was learnt from. */

export class Edges {
  private readonly starts: Uint32Array; // of row r: others[starts[r] .. starts[r + 1]]
  private readonly others: Uint32Array;

  /** `pairs`: two rows an edge, in random order; `all`: how many there are, if more than these. */
  constructor(
    readonly pairs: Uint32Array,
    readonly all: number,
    rows: number,
  ) {
    this.starts = new Uint32Array(rows + 1);
    for (const row of pairs) this.starts[row + 1]++;
    for (let row = 0; row < rows; row++) this.starts[row + 1] += this.starts[row];
    const next = this.starts.slice();
    this.others = new Uint32Array(pairs.length);
    for (let i = 0; i < pairs.length; i++) this.others[next[pairs[i]]++] = pairs[i ^ 1];
  }

  get length(): number {
    return this.pairs.length / 2;
  }

  /** The edges of these rows, at most so many, as pairs that begin with one of them. */
  of(rows: Iterable<number>, most: number): [number, number][] {
    const found: [number, number][] = [];
    for (const row of rows)
      for (let i = this.starts[row]; i < this.starts[row + 1]; i++) {
        if (found.length === most) return found;
        found.push([row, this.others[i]]);
      }
    return found;
  }
}
