/** What the panel asks of who draws. */
export type Told = { name: string; mean: number; spread: number; low: number; high: number };
export type Draws = { words: boolean; text: string | null; numbers: Told[]; size: number; channels: number };

/** Pixels to be drawn anew, on the grid of the model: where strokes of a brush have been. */
export class Mask {
  readonly cells: Uint8Array<ArrayBuffer>;

  constructor(readonly size: number) {
    this.cells = new Uint8Array(size * size);
  }

  /** A stroke from one point to another, in cells; `radius` too. */
  stroke(x0: number, y0: number, x1: number, y1: number, radius: number, paints: boolean): void {
    const steps = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) * 2));
    for (let i = 0; i <= steps; i++) this.dab(x0 + ((x1 - x0) * i) / steps, y0 + ((y1 - y0) * i) / steps, radius, paints);
  }

  private dab(x: number, y: number, radius: number, paints: boolean): void {
    const ends = (at: number): [number, number] => [
      Math.max(0, Math.floor(at - radius)),
      Math.min(this.size - 1, Math.ceil(at + radius)),
    ];
    const [[left, right], [top, bottom]] = [ends(x), ends(y)];
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++)
        if (Math.hypot(column + 0.5 - x, row + 0.5 - y) <= radius) this.cells[row * this.size + column] = paints ? 1 : 0;
  }

  fill(paints: boolean): void {
    this.cells.fill(paints ? 1 : 0);
  }

  invert(): void {
    this.cells.forEach((cell, i) => (this.cells[i] = 1 - cell));
  }

  /** How much is covered, from 0 to 1. */
  get share(): number {
    return this.cells.reduce((sum, cell) => sum + cell, 0) / this.cells.length;
  }

  /** As it travels: four cells a letter. */
  get letters(): string {
    let text = "";
    for (let i = 0; i < this.cells.length; i += 4)
      text += [0, 1, 2, 3].reduce((sum, j) => sum * 2 + (this.cells[i + j] ?? 0), 0).toString(16);
    return text;
  }
}

/** A step for a slider over this range: about a hundred of them, of a round size. */
export function stepOf(low: number, high: number): number {
  const plain = 10 ** Math.floor(Math.log10((high - low) / 100));
  return [1, 2, 5, 10].map((m) => m * plain).find((step) => (high - low) / step <= 200) ?? plain;
}

export function file(base64: string, name: string): File {
  return new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name, { type: "image/png" });
}
