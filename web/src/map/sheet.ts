/** The pictures on the map: 1,024 places of 64 pixels on one texture, the longest unused given up first. */
import { texture } from "./gl";

export const SLOTS = 1024;
const SIDE = 64;
const ACROSS = 32;
const BATCH = 128; // pictures a request
const AT_ONCE = 2; // requests

export type FetchSheet = (rows: number[]) => Promise<Blob>;

export class Sheet {
  private readonly slots = new Map<number, number>(); // row -> slot, in order of use
  private readonly coming = new Set<number>();
  private wanted: number[] = [];
  private running = 0;
  private made: WebGLTexture | null = null;
  private age = 0;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly fetchSheet: FetchSheet,
    private readonly arrived: () => void,
  ) {}

  /** Forgets everything: after another version of the space, or a lost context. */
  clear(): void {
    this.made = null;
    this.age++;
    this.slots.clear();
    this.coming.clear();
    this.wanted = [];
  }

  bind(): void {
    if (!this.made) this.made = texture(this.gl, SIDE * ACROSS, SIDE * ACROSS, true);
    this.gl.bindTexture(this.gl.TEXTURE_2D, this.made);
  }

  /** Where the row's picture is, or -1; then it is fetched, before anything asked for earlier. */
  ask(rows: Uint32Array): Int32Array {
    const found = new Int32Array(rows.length).fill(-1);
    this.wanted = [];
    for (let i = 0; i < rows.length; i++) {
      const slot = this.slots.get(rows[i]);
      if (slot === undefined) {
        if (!this.coming.has(rows[i])) this.wanted.push(rows[i]);
        continue;
      }
      this.slots.delete(rows[i]); // and in again, as the latest used
      this.slots.set(rows[i], slot);
      found[i] = slot;
    }
    this.next();
    return found;
  }

  private next(): void {
    while (this.running < AT_ONCE && this.wanted.length) void this.load(this.wanted.splice(0, BATCH));
  }

  private async load(rows: number[]): Promise<void> {
    const age = this.age;
    this.running++;
    for (const row of rows) this.coming.add(row);
    try {
      const sheet = await createImageBitmap(await this.fetchSheet(rows), { premultiplyAlpha: "none" });
      if (age === this.age) this.put(rows, sheet);
      sheet.close();
    } catch {
      await new Promise((done) => setTimeout(done, 2000)); // the server is away: points stay points
    } finally {
      this.running--;
      if (age === this.age) for (const row of rows) this.coming.delete(row);
    }
    this.arrived();
  }

  private put(rows: number[], sheet: ImageBitmap): void {
    const canvas = new OffscreenCanvas(sheet.width, sheet.height);
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(sheet, 0, 0);
    const { gl } = this;
    this.bind();
    const across = sheet.width / SIDE;
    rows.forEach((row, i) => {
      const pixels = context.getImageData((i % across) * SIDE, Math.floor(i / across) * SIDE, SIDE, SIDE).data;
      const slot = this.free();
      const [u, v] = [(slot % ACROSS) * SIDE, Math.floor(slot / ACROSS) * SIDE];
      gl.texSubImage2D(gl.TEXTURE_2D, 0, u, v, SIDE, SIDE, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(pixels.buffer));
      this.slots.set(row, slot);
    });
  }

  private free(): number {
    if (this.slots.size < SLOTS) return this.slots.size;
    const [row, slot] = this.slots.entries().next().value!;
    this.slots.delete(row);
    return slot;
  }
}
