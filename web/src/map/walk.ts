/** From a place on the screen to a row: under the mouse, or next in a direction. */
import type { Point } from "./camera";
import type { Renderer } from "./renderer";

const REACH = 9; // pixels around the mouse

export function pick(map: Renderer, x: Float32Array, y: Float32Array, at: Point): number {
  const { camera, shown, finder } = map;
  if (shown.opacity > 0.5)
    for (let i = shown.rows.length - 1; i >= 0; i--) {
      const row = shown.rows[i];
      const centre = camera.toScreen(x[row], y[row]);
      if (Math.max(Math.abs(centre.x - at.x), Math.abs(centre.y - at.y)) <= shown.side / 2) return row;
    }
  const place = camera.toData(at.x, at.y);
  return finder.nearest(place.x, place.y, REACH / camera.scale);
}

/** The next row that way, searched for in wider and wider rounds; from nowhere, the one nearest the middle. */
export function step(map: Renderer, x: Float32Array, y: Float32Array, from: number | null, [dx, dy]: [number, number]): number {
  const { camera, finder } = map;
  if (from === null) return finder.nearest(camera.x, camera.y, Math.hypot(camera.width, camera.height) / camera.scale);
  for (let reach = 24; reach < 4 * camera.width; reach *= 1.7) {
    const ahead = reach / camera.scale;
    const row = finder.nearest(x[from] + dx * ahead, y[from] - dy * ahead, ahead * 0.7);
    if (row >= 0 && row !== from) return row;
  }
  return -1;
}
