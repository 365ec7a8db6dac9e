/** What is drawn over the map with a pen: ellipses of groups, rings, the lasso, the edges of what is chosen. */
import type { Camera, Point } from "./camera";
import type { Spread } from "./spread";

export type Ellipse = Spread & { colour: string; name: string };
export type Ring = { x: number; y: number; kind: "focus" | "hover" | "pinned"; side: number }; // of its picture, or 0
export type Link = { from: Point; to: Point; strong: boolean }; // in the data's units
export type Pen = { ink: string; paper: string; accent: string; ratio: number };

const WIDTH = 2; // standard deviations: 86% of a Gaussian's points

export function draw(
  context: CanvasRenderingContext2D,
  camera: Camera,
  pen: Pen,
  links: Link[],
  ellipses: Ellipse[],
  rings: Ring[],
  line: Point[],
): void {
  context.setTransform(pen.ratio, 0, 0, pen.ratio, 0, 0);
  context.clearRect(0, 0, camera.width, camera.height);
  for (const strong of [false, true]) web(context, camera, links.filter((link) => link.strong === strong), pen, strong);
  for (const ellipse of ellipses) outline(context, camera, ellipse, pen);
  for (const ellipse of ellipses) name(context, camera, ellipse, pen);
  for (const at of rings) ring(context, camera, at, pen);
  if (line.length > 1) lasso(context, line, pen);
}

/** Edges in one stroke: where many meet they stay as light as one. */
function web(context: CanvasRenderingContext2D, camera: Camera, links: Link[], pen: Pen, strong: boolean): void {
  if (!links.length) return;
  context.beginPath();
  for (const link of links) {
    const [a, b] = [camera.toScreen(link.from.x, link.from.y), camera.toScreen(link.to.x, link.to.y)];
    context.moveTo(a.x, a.y);
    context.lineTo(b.x, b.y);
  }
  context.globalAlpha = strong ? 0.9 : 0.6;
  context.lineWidth = strong ? 1.5 : 1;
  context.strokeStyle = strong ? pen.ink : pen.accent;
  context.stroke();
  context.globalAlpha = 1;
}

/** Half axes and turn of the covariance's ellipse, in the data's units. */
export function axes([[a, b], [, c]]: Spread["covariance"]): { major: number; minor: number; turn: number } {
  const middle = (a + c) / 2;
  const apart = Math.hypot((a - c) / 2, b);
  return {
    major: Math.sqrt(Math.max(middle + apart, 0)),
    minor: Math.sqrt(Math.max(middle - apart, 0)),
    turn: Math.atan2(2 * b, a - c) / 2,
  };
}

function outline(context: CanvasRenderingContext2D, camera: Camera, ellipse: Ellipse, pen: Pen): void {
  const { major, minor, turn } = axes(ellipse.covariance);
  const { x, y } = camera.toScreen(ellipse.x, ellipse.y);
  const scale = camera.scale * WIDTH;
  context.beginPath();
  context.ellipse(x, y, major * scale, minor * scale, -turn, 0, 2 * Math.PI); // the screen's y goes down
  context.globalAlpha = 0.4;
  context.strokeStyle = pen.paper;
  context.lineWidth = 3.5;
  context.stroke();
  context.globalAlpha = 0.8;
  context.strokeStyle = ellipse.colour;
  context.lineWidth = 1.5;
  context.stroke();
  context.globalAlpha = 1;
}

function name(context: CanvasRenderingContext2D, camera: Camera, ellipse: Ellipse, pen: Pen): void {
  const { x, y } = camera.toScreen(ellipse.x, ellipse.y);
  context.font = "600 13px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = pen.paper;
  context.strokeText(ellipse.name, x, y);
  context.fillStyle = pen.ink;
  context.fillText(ellipse.name, x, y);
}

function ring(context: CanvasRenderingContext2D, camera: Camera, at: Ring, pen: Pen): void {
  const { x, y } = camera.toScreen(at.x, at.y);
  const r = at.side ? at.side / 2 + 2 : at.kind === "hover" ? 8 : 10;
  context.beginPath();
  if (at.side) context.roundRect(x - r, y - r, 2 * r, 2 * r, 5);
  else context.arc(x, y, r, 0, 2 * Math.PI);
  context.setLineDash(at.kind === "pinned" ? [4, 3] : []);
  context.lineWidth = 4.5;
  context.strokeStyle = pen.paper;
  context.stroke();
  context.lineWidth = at.kind === "hover" ? 1.5 : 2.5;
  context.strokeStyle = at.kind === "hover" ? pen.ink : pen.accent;
  context.stroke();
  context.setLineDash([]);
}

function lasso(context: CanvasRenderingContext2D, line: Point[], pen: Pen): void {
  context.beginPath();
  for (const { x, y } of line) context.lineTo(x, y);
  context.closePath();
  context.globalAlpha = 0.12;
  context.fillStyle = pen.accent;
  context.fill("evenodd");
  context.globalAlpha = 1;
  context.setLineDash([5, 4]);
  context.strokeStyle = pen.accent;
  context.lineWidth = 1.5;
  context.stroke();
  context.setLineDash([]);
}
