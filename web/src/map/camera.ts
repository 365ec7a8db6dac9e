/** Where the map is looked at: a point of the data in the middle of the picture, and pixels for each unit. */

export type Box = { x0: number; y0: number; x1: number; y1: number };
export type Point = { x: number; y: number };

const MARGIN = 0.06; // of the picture, on each side of what is fitted into it
const DEEPEST = 5000; // times the scale that shows everything
const FARTHEST = 0.25;

export class Camera {
  x = 0;
  y = 0;
  scale = 1;
  width = 1; // of the picture, in CSS pixels
  height = 1;
  above = 0; // pixels at the top that something covers: what is fitted in keeps clear of them
  home: Box = { x0: -1, y0: -1, x1: 1, y1: 1 };

  /** The data's y goes up, the screen's down. */
  toScreen(x: number, y: number): Point {
    return { x: (x - this.x) * this.scale + this.width / 2, y: (this.y - y) * this.scale + this.height / 2 };
  }

  toData(px: number, py: number): Point {
    return { x: (px - this.width / 2) / this.scale + this.x, y: this.y - (py - this.height / 2) / this.scale };
  }

  /** The part of the data that is seen. */
  view(): Box {
    const w = this.width / 2 / this.scale;
    const h = this.height / 2 / this.scale;
    return { x0: this.x - w, y0: this.y - h, x1: this.x + w, y1: this.y + h };
  }

  fitting(box: Box): { x: number; y: number; scale: number } {
    const scale = this.bounded(this.scaleOf(box));
    return { x: (box.x0 + box.x1) / 2, y: (box.y0 + box.y1) / 2 + this.above / 2 / scale, scale };
  }

  /** How many times closer than the view of everything. */
  get zoom(): number {
    return this.scale / this.scaleOf(this.home);
  }

  pan(dx: number, dy: number): void {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
  }

  /** Closer or farther, with what lies under (px, py) kept in its place. */
  zoomAt(px: number, py: number, factor: number): void {
    const held = this.toData(px, py);
    this.scale = this.bounded(this.scale * factor);
    const now = this.toData(px, py);
    this.x += held.x - now.x;
    this.y += held.y - now.y;
  }

  resize(width: number, height: number): void {
    const zoom = this.zoom;
    this.width = Math.max(width, 1);
    this.height = Math.max(height, 1);
    this.scale = this.scaleOf(this.home) * zoom;
  }

  private scaleOf({ x0, y0, x1, y1 }: Box): number {
    const [width, height] = [this.width, Math.max(this.height - this.above, 1)];
    return (1 - 2 * MARGIN) * Math.min(width / Math.max(x1 - x0, 1e-9), height / Math.max(y1 - y0, 1e-9));
  }

  private bounded(scale: number): number {
    const home = this.scaleOf(this.home);
    return Math.min(Math.max(scale, home * FARTHEST), home * DEEPEST);
  }
}
