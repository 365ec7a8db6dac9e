/** The edges of a graph between its nodes: thin lines under the points. */
import type { Box } from "./camera";
import { attribute, program, type Program } from "./gl";
import { INKED, LINE } from "./shaders";

const MOST = 20_000; // drawn at once: more are a veil over the map, and take time
const MOVING = 4_000; // while it moves
const FAINTEST = 0.08;

export type Sheet = {
  places: Uint32Array; // of each row, where it stands among the points
  x: Float32Array;
  y: Float32Array;
  box: Box; // that is seen
  clip: [number, number, number, number];
  ink: [number, number, number];
  moving: boolean;
};

/**
 * The first pairs of rows, at most so many, of which an end lies in the box and both have a place. Pairs come
 * in random order, so that those drawn are like those left out.
 */
export function within(pairs: Uint32Array, x: Float32Array, y: Float32Array, box: Box, most: number): Uint32Array {
  const found = new Uint32Array(2 * Math.min(most, pairs.length / 2));
  const inside = (row: number): boolean => x[row] >= box.x0 && x[row] <= box.x1 && y[row] >= box.y0 && y[row] <= box.y1;
  let n = 0;
  for (let i = 0; i < pairs.length && n < found.length; i += 2) {
    const [a, b] = [pairs[i], pairs[i + 1]];
    if (!(inside(a) || inside(b)) || !Number.isFinite(x[a] + x[b] + y[a] + y[b])) continue;
    found[n++] = a;
    found[n++] = b;
  }
  return found.slice(0, n);
}

export class Lines {
  pairs: Uint32Array | null = null;
  /** How many lines stand on the map. */
  drawn = 0;
  /** Fewer than there is time for when the map rests. */
  few = false;
  private inked!: Program;
  private elements!: WebGLBuffer;
  private array!: WebGLVertexArrayObject;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    at: WebGLBuffer,
  ) {
    this.setUp(at);
  }

  /** `at`: where the points' places lie. Anew after a lost context. */
  setUp(at: WebGLBuffer): void {
    const { gl } = this;
    this.inked = program(gl, LINE, INKED, ["view", "tint"]);
    this.elements = gl.createBuffer();
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    attribute(gl, 0, at, 2, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.elements);
  }

  draw(pairs: Uint32Array, { places, x, y, box, clip, ink, moving }: Sheet): void {
    const chosen = within(pairs, x, y, box, moving ? MOVING : MOST);
    this.drawn = chosen.length / 2;
    this.few = moving && this.drawn === MOVING;
    if (!this.drawn) return;
    const { gl } = this;
    gl.useProgram(this.inked.program);
    gl.bindVertexArray(this.array);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, chosen.map((row) => places[row]), gl.STREAM_DRAW);
    gl.uniform4f(this.inked.at.view, ...clip);
    const alpha = Math.min(Math.max(14 / Math.sqrt(this.drawn), FAINTEST), 0.5);
    gl.uniform4f(this.inked.at.tint, ink[0] * alpha, ink[1] * alpha, ink[2] * alpha, alpha);
    gl.drawElements(gl.LINES, chosen.length, gl.UNSIGNED_INT, 0);
  }
}
