/** The hand on the map: drags, wheel and pinch turned into moves of the camera, lines and clicks. */
import type { Point } from "./camera";

export type Grip = "move" | "lasso" | "box";
export type Hand = {
  grip(event: PointerEvent): Grip;
  pan(dx: number, dy: number): void;
  zoom(at: Point, factor: number): void;
  line(points: Point[]): void; // while it is drawn
  closed(points: Point[]): void;
  click(at: Point, event: PointerEvent): void;
  hover(at: Point | null): void;
};

const STILL = 4; // pixels that a click may wander

export function hold(element: HTMLElement, hand: Hand): void {
  const down = new Map<number, Point>();
  let start: Point = { x: 0, y: 0 };
  let grip: Grip = "move";
  let far = false;
  let line: Point[] = [];

  const place = (event: MouseEvent): Point => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    start = place(event);
    down.set(event.pointerId, start);
    far = down.size > 1;
    grip = far ? "move" : hand.grip(event);
    line = [start];
  });

  element.addEventListener("pointermove", (event) => {
    const at = place(event);
    const before = down.get(event.pointerId);
    if (!before) return hand.hover(at);
    down.set(event.pointerId, at);
    if (down.size > 1) return pinch(event.pointerId, before, at);
    far ||= Math.hypot(at.x - start.x, at.y - start.y) > STILL;
    if (!far) return;
    hand.hover(null);
    if (grip === "move") return hand.pan(at.x - before.x, at.y - before.y);
    line = grip === "lasso" ? [...line, at] : corners(start, at);
    hand.line(line);
  });

  const up = (event: PointerEvent): void => {
    if (!down.delete(event.pointerId) || down.size) return;
    const drawn = line;
    line = [];
    hand.line([]);
    if (event.type === "pointercancel") return;
    if (!far) hand.click(place(event), event);
    else if (grip !== "move" && drawn.length > 2) hand.closed(drawn);
  };
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  element.addEventListener("pointerleave", () => hand.hover(null));

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      hand.zoom(place(event), Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)));
    },
    { passive: false },
  );

  function pinch(id: number, before: Point, at: Point): void {
    const other = [...down.entries()].find(([pointer]) => pointer !== id)?.[1];
    if (!other) return;
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const is = Math.hypot(at.x - other.x, at.y - other.y);
    hand.pan((at.x - before.x) / 2, (at.y - before.y) / 2);
    if (was > 0 && is > 0) hand.zoom({ x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 }, is / was);
  }
}

function corners(a: Point, b: Point): Point[] {
  return [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
}
