import { mount } from "svelte";
import "./app.css";
import App from "./parts/App.svelte";
import { look } from "./state/page";

mount(App, { target: document.getElementById("page")! });

// For scripts and tests that drive the page: where a row is on the map, and whether the map is all there.
Object.assign(globalThis, {
  ilk: {
    place: (row: number) => look.map?.camera.toScreen(look.x[row], look.y[row]),
    camera: () => ({ ...look.map?.camera }),
    painted: () => look.map?.painted ?? false,
    settled: () => look.map?.settled ?? false,
    frames: () => look.map?.frames ?? 0,
    selection: () => Array.from(look.selection),
    edges: () => look.map?.edges ?? 0,
    pictures: () => Array.from(look.map?.shown.rows ?? []),
  },
});
