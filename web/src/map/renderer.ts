/**
 * The map's points and pictures, in WebGL2.
 *
 * While it moves, a frame shows a sample as large as the machine draws fluently; when it rests, the others
 * are added, a sample's worth a frame, on top of what stands. Marked points are drawn once more, over all.
 */
import { Budget } from "./budget";
import { Camera, type Box } from "./camera";
import { choose, NONE, type Chosen } from "./cells";
import { opacity, pointSize } from "./dots";
import { attribute, program, texture, type Program } from "./gl";
import { Lines } from "./lines";
import { Pictures } from "./pictures";
import { shuffle } from "./random";
import { DOT, POINT } from "./shaders";
import type { FetchSheet } from "./sheet";
import { joined, Tiles, type Run } from "./tiles";
import { Finder } from "./finder";

export type Colour = [number, number, number]; // each 0..1

const REST = 130; // ms without a move before the rest is drawn; longer than a frame
const TILE = 4000; // points

export class Renderer {
  readonly camera = new Camera();
  pictures = true;
  first: number | null = null; // the row that is a picture wherever there are any
  ratio = 1; // device pixels for each CSS pixel
  /** Called after each frame, for whatever is drawn over the map. */
  drawn: (() => void) | null = null;
  frames = 0;
  shown: Chosen = NONE;

  private readonly gl: WebGL2RenderingContext;
  private readonly budget = new Budget();
  private readonly faces: Pictures;
  private readonly lines: Lines;
  private x: Float32Array = new Float32Array(0);
  private y: Float32Array = new Float32Array(0);
  private tiles = new Tiles(this.x, this.y, TILE);
  private lazy: Finder | null = null;
  private coded: ArrayLike<number> = []; // by row
  private codes: Uint16Array = new Uint16Array(0); // in the order of drawing
  private palette: Uint8Array = new Uint8Array(4);
  private marks: Uint32Array | null = null; // shuffled
  private places: Uint32Array | null = null; // of each row in the order of drawing
  private marked = new Uint8Array(0); // by row, for the pictures
  private paper: Colour = [1, 1, 1];
  private ink: Colour = [0, 0, 0];

  private points!: Program;
  private at!: WebGLBuffer;
  private code!: WebGLBuffer;
  private elements!: WebGLBuffer;
  private pointArray!: WebGLVertexArrayObject;
  private colours: WebGLTexture | null = null;

  private done = 0; // the share of the visible points that the picture shows
  private fresh = true;
  private movedAt = -Infinity;
  private asked = 0;

  constructor(
    readonly canvas: HTMLCanvasElement,
    fetchSheet: FetchSheet,
  ) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("this browser gives no WebGL2, which the map is drawn with");
    this.gl = gl;
    this.setUp();
    this.faces = new Pictures(gl, fetchSheet, () => this.touch());
    this.lines = new Lines(gl, this.at);
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.setUp();
      this.faces.setUp();
      this.lines.setUp(this.at);
      this.uploadPoints();
      this.upload(this.gl.ARRAY_BUFFER, this.code, this.codes);
      this.colours = null;
      this.setMarks(this.marks);
    });
  }

  get finder(): Finder {
    return (this.lazy ??= new Finder(this.x, this.y));
  }

  /** Points are to be seen, a sample at least. */
  get painted(): boolean {
    return this.done > 0 && this.x.length > 0 && !this.fresh;
  }

  /** All of the map is there, in full. */
  get settled(): boolean {
    return !this.asked && this.done === 1 && this.x.length > 0;
  }

  setPoints(x: Float32Array, y: Float32Array, bounds: Box): void {
    this.x = x;
    this.y = y;
    this.lazy = null;
    this.places = null;
    this.marks = null;
    this.marked = new Uint8Array(x.length);
    this.tiles = new Tiles(x, y, TILE, 16, true);
    this.camera.home = bounds;
    this.faces.forget();
    this.uploadPoints();
    this.setColours(this.coded, this.palette);
  }

  /** `codes`: one for each row, a place in the palette (RGBA, 4 bytes each). */
  setColours(codes: ArrayLike<number>, palette: Uint8Array): void {
    const { order } = this.tiles;
    this.coded = codes;
    this.codes = new Uint16Array(order.length);
    for (let i = 0; i < order.length; i++) this.codes[i] = codes[order[i]];
    this.palette = palette;
    this.colours = null;
    this.upload(this.gl.ARRAY_BUFFER, this.code, this.codes);
    this.touch();
  }

  /** These rows stand out and all others step back; null: all are alike. */
  setMarks(rows: Uint32Array | null): void {
    this.marked.fill(0);
    for (const row of rows ?? []) this.marked[row] = 1;
    this.marks = rows === null ? null : shuffle(rows.slice());
    const places = this.placesOf();
    if (this.marks) this.upload(this.gl.ELEMENT_ARRAY_BUFFER, this.elements, this.marks.map((row) => places[row]));
    this.touch();
  }

  /** Lines between these pairs of rows, which come in random order; null: none. */
  setEdges(pairs: Uint32Array | null): void {
    this.lines.pairs = pairs;
    this.touch();
  }

  /** How many lines stand on the map. */
  get edges(): number {
    return this.lines.pairs ? this.lines.drawn : 0;
  }

  setPaper(paper: Colour, ink: Colour): void {
    [this.paper, this.ink] = [paper, ink];
    this.touch();
  }

  /** To be called after a change of the camera by hand: the next frames may be samples. */
  moved(): void {
    this.movedAt = performance.now();
    this.touch();
  }

  /** Draws anew. */
  touch(): void {
    this.fresh = true;
    this.request();
  }

  resize(width: number, height: number, ratio: number): void {
    this.ratio = ratio;
    this.canvas.width = Math.max(Math.round(width * ratio), 1);
    this.canvas.height = Math.max(Math.round(height * ratio), 1);
    this.camera.resize(width, height);
    this.touch();
  }

  private request(): void {
    if (!this.asked) this.asked = requestAnimationFrame((now) => this.frame(now));
  }

  private frame(now: number): void {
    this.asked = 0;
    if (this.gl.isContextLost()) return;
    const moving = performance.now() - this.movedAt < REST;
    if (moving && !this.fresh) return void this.request(); // nothing new: wait until it rests
    if (!moving && this.lines.few) this.fresh = true;
    if (this.fresh) {
      this.clear();
      this.drawLines(moving);
    }
    const runs = [...this.tiles.tiles(this.camera.view())] as Run[];
    const seen = runs.reduce((n, [from, to]) => n + to - from, 0);
    const share = Math.min(1, this.done + this.budget.points / Math.max(seen, 1));
    this.budget.frame(now, share < 1);
    this.drawPoints(runs, this.done, share);
    this.drawMarks(share);
    this.drawPictures(seen);
    this.done = share;
    this.fresh = false;
    this.frames++;
    this.drawn?.();
    if (share < 1 || this.lines.few) this.request();
  }

  private clear(): void {
    const { gl } = this;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(...this.paper, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.done = 0;
  }

  private drawLines(moving: boolean): void {
    this.lines.few = false;
    const { x, y, ink } = this;
    const { pairs } = this.lines;
    if (pairs) this.lines.draw(pairs, { places: this.placesOf(), x, y, box: this.camera.view(), clip: this.clip(), ink, moving });
  }

  /** Of each tile the part between two shares of its points. */
  private drawPoints(runs: Run[], from: number, to: number): void {
    const { gl } = this;
    this.usePoints(pointSize(this.camera, this.count, this.ratio), this.marks ? 0.72 : 0);
    for (const [first, end] of joined(runs, from, to)) gl.drawArrays(gl.POINTS, first, end - first);
  }

  private drawMarks(share: number): void {
    if (!this.marks) return;
    const { gl } = this;
    this.usePoints(pointSize(this.camera, this.count, this.ratio) + 1.5 * this.ratio, 0);
    const most = share < 1 ? Math.max(this.budget.points / 4, 1000) : Infinity;
    gl.drawElements(gl.POINTS, Math.min(this.marks.length, most), gl.UNSIGNED_INT, 0);
  }

  private usePoints(size: number, fade: number): void {
    const { gl } = this;
    const { program, at } = this.points;
    gl.useProgram(program);
    gl.bindVertexArray(this.pointArray);
    gl.uniform4f(at.view, ...this.clip());
    gl.uniform1f(at.size, size);
    gl.uniform1f(at.opacity, opacity(this.camera, this.count, size / this.ratio));
    gl.uniform4f(at.fade, ...this.paper, fade);
    this.bindColours();
  }

  private drawPictures(seen: number): void {
    this.shown = this.pictures ? this.chosen(seen) : NONE;
    const places = this.shown.rows.length ? this.placesOf() : null;
    this.faces.draw(this.shown, {
      clip: this.clip(),
      paper: this.paper,
      ratio: this.ratio,
      bindColours: () => this.bindColours(),
      item: (row) => ({
        x: this.x[row],
        y: this.y[row],
        code: this.codes[places![row]],
        strength: this.marks && !this.marked[row] ? 0.25 : 1,
      }),
    });
  }

  private chosen(seen: number): Chosen {
    return choose(this.camera, seen, (box, call) => this.finder.each(box, call), this.x, this.y, this.first);
  }

  private get count(): number {
    return this.tiles.order.length;
  }

  private clip(): [number, number, number, number] {
    const { x, y, scale, width, height } = this.camera;
    const [sx, sy] = [(2 * scale) / width, (2 * scale) / height];
    return [sx, sy, -x * sx, -y * sy];
  }

  private placesOf(): Uint32Array {
    if (!this.places) {
      this.places = new Uint32Array(this.x.length);
      this.tiles.order.forEach((row, place) => (this.places![row] = place));
    }
    return this.places;
  }

  private bindColours(): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0);
    if (!this.colours) {
      const rows = Math.ceil(this.palette.length / 4 / 256);
      const whole = new Uint8Array(rows * 256 * 4);
      whole.set(this.palette);
      this.colours = texture(gl, 256, rows, false);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, rows, gl.RGBA, gl.UNSIGNED_BYTE, whole);
    }
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
  }

  private setUp(): void {
    const { gl } = this;
    this.points = program(gl, POINT, DOT, ["view", "size", "opacity", "fade", "colours"]);
    [this.at, this.code, this.elements] = [gl.createBuffer(), gl.createBuffer(), gl.createBuffer()];
    this.pointArray = gl.createVertexArray();
    gl.bindVertexArray(this.pointArray);
    attribute(gl, 0, this.at, 2, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.code);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_SHORT, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.elements);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  private uploadPoints(): void {
    const { order } = this.tiles;
    const pairs = new Float32Array(order.length * 2);
    for (let i = 0; i < order.length; i++) {
      pairs[2 * i] = this.x[order[i]];
      pairs[2 * i + 1] = this.y[order[i]];
    }
    this.upload(this.gl.ARRAY_BUFFER, this.at, pairs);
  }

  private upload(target: number, buffer: WebGLBuffer, data: AllowSharedBufferSource): void {
    const { gl } = this;
    if (target === gl.ELEMENT_ARRAY_BUFFER) gl.bindVertexArray(this.pointArray); // that binding is the array's
    gl.bindBuffer(target, buffer);
    gl.bufferData(target, data, gl.STATIC_DRAW);
  }
}
