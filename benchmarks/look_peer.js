// The peer of benchmarks/look.py: the same points in regl-scatterplot, as its documentation draws them.
import createScatterplot from "regl-scatterplot";

const n = Number(new URLSearchParams(location.search).get("n"));
const canvas = document.querySelector("canvas");
const COLOURS = [
  "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
  "#882255", "#999933", "#332288", "#44aa99", "#aa4499", "#777777",
];

const bytes = await (await fetch(`points-${n}.bin`)).arrayBuffer();
const [x, y] = [new Float32Array(bytes, 0, n), new Float32Array(bytes, 4 * n, n)];
const group = new Uint8Array(bytes, 8 * n, n);
// The peer wants places between -1 and 1.
const far = x.reduce((most, v, i) => Math.max(most, Math.abs(v), Math.abs(y[i])), 0);
const scatterplot = createScatterplot({
  canvas, width: 1000, height: 800, pointSize: 2, opacity: 0.8, colorBy: "valueA", pointColor: COLOURS,
});
await scatterplot.draw({ x: x.map((v) => v / far), y: y.map((v) => v / far), valueA: group });
const drawn = scatterplot.get("renderer").canvas; // not the one on the page: it is copied there
const gl = drawn.getContext("webgl") ?? drawn.getContext("webgl2");
let steps = 0;
window.peer = {
  painted: () => true,
  gl,
  pan: () => scatterplot.set({ cameraTarget: [(steps++ % 2) * 0.01, steps * 0.004] }),
};
