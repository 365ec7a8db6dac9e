/** The pictures on the map: where each goes, drawn in one call over the points. */
import type { Chosen } from "./cells";
import { attribute, program, type Program } from "./gl";
import { FRAMED, PICTURE } from "./shaders";
import { Sheet, type FetchSheet } from "./sheet";

export type Item = { x: number; y: number; code: number; strength: number };
export type Stage = {
  clip: [number, number, number, number];
  paper: [number, number, number];
  ratio: number;
  bindColours: () => void;
  item: (row: number) => Item;
};

export class Pictures {
  private readonly sheet: Sheet;
  private framed!: Program;
  private items!: WebGLBuffer;
  private strengths!: WebGLBuffer;
  private array!: WebGLVertexArrayObject;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    fetchSheet: FetchSheet,
    arrived: () => void,
  ) {
    this.sheet = new Sheet(gl, fetchSheet, arrived);
    this.setUp();
  }

  /** Anew after a lost context. */
  setUp(): void {
    const { gl } = this;
    const uniforms = ["view", "reach", "paper", "side", "frame", "opacity", "sheet", "colours"];
    this.framed = program(gl, PICTURE, FRAMED, uniforms);
    [this.items, this.strengths] = [gl.createBuffer(), gl.createBuffer()];
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    attribute(gl, 0, this.items, 4, 1);
    attribute(gl, 1, this.strengths, 1, 1);
    this.forget();
  }

  /** The rows are others now. */
  forget(): void {
    this.sheet.clear();
  }

  draw(shown: Chosen, { clip, paper, ratio, bindColours, item }: Stage): void {
    if (!shown.rows.length) return;
    const { gl } = this;
    const slots = this.sheet.ask(shown.rows);
    const items: number[] = [];
    const strengths: number[] = [];
    shown.rows.forEach((row, i) => {
      if (slots[i] < 0) return;
      const { x, y, code, strength } = item(row);
      items.push(x, y, slots[i], code);
      strengths.push(strength);
    });
    const side = shown.side * ratio;
    const { program, at } = this.framed;
    gl.useProgram(program);
    gl.bindVertexArray(this.array);
    for (const [buffer, values] of [[this.items, items], [this.strengths, strengths]] as const) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(values), gl.STREAM_DRAW);
    }
    gl.uniform4f(at.view, ...clip);
    gl.uniform2f(at.reach, side / gl.drawingBufferWidth, side / gl.drawingBufferHeight);
    gl.uniform3f(at.paper, ...paper);
    gl.uniform1f(at.side, side);
    gl.uniform1f(at.frame, Math.max(1.5 * ratio, side / 32));
    gl.uniform1f(at.opacity, shown.opacity);
    bindColours();
    gl.activeTexture(gl.TEXTURE1);
    this.sheet.bind();
    gl.uniform1i(at.sheet, 1);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, strengths.length);
    gl.activeTexture(gl.TEXTURE0);
  }
}
