/** Takes the camera from where it is to a place, with eased steps; at once where motion is not wanted. */
import type { Camera } from "./camera";

const TAKES = 420; // ms

let flying = 0;

export function fly(camera: Camera, to: { x: number; y: number; scale: number }, moved: () => void): void {
  cancelAnimationFrame(flying);
  const [x, y, scale] = [camera.x, camera.y, camera.scale];
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const began = performance.now();
  const step = (now: number): void => {
    const t = still ? 1 : Math.min(Math.max((now - began) / TAKES, 0), 1);
    const e = t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
    // The scale moves in equal ratios; the place at the pace at which the scale does, so that it stays in view.
    const grown = scale * (to.scale / scale) ** e;
    const near = to.scale === scale ? e : (1 / grown - 1 / scale) / (1 / to.scale - 1 / scale);
    camera.x = x + (to.x - x) * near;
    camera.y = y + (to.y - y) * near;
    camera.scale = grown;
    moved();
    if (t < 1) flying = requestAnimationFrame(step);
  };
  step(began);
}

/** Whoever takes hold of the map stops its flight. */
export function land(): void {
  cancelAnimationFrame(flying);
}
