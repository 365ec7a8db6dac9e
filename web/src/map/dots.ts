/** How large and how strong a point is drawn. */
import type { Camera } from "./camera";

/** In device pixels: smaller the more there are, larger the closer one is. */
export function pointSize({ width, height, zoom }: Camera, points: number, ratio: number): number {
  const even = 0.24 * Math.sqrt((width * height) / Math.max(points, 1));
  return Math.min(Math.max(even * Math.sqrt(zoom), 2), 11) * ratio;
}

/** Fainter where points pile up many deep, so that dense places still look denser than full ones. `size` in CSS pixels. */
export function opacity({ width, height, zoom }: Camera, points: number, size: number): number {
  const deep = (points * size * size) / (width * height * zoom ** 2);
  return Math.min(Math.max(0.9 * deep ** -0.3, 0.3), 0.9);
}
