/** The map in a notebook, as anywidget loads it. */
import { mount, unmount } from "svelte";
import { Api } from "./api";
import css from "./app.css?inline";
import Widget from "./parts/Widget.svelte";
import { Look } from "./state/look.svelte";
import { wire, type Model } from "./state/wire";

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const host = document.createElement("div");
  host.dataset.lmSuppressShortcuts = "true"; // or JupyterLab takes the keys that are meant for the map
  el.append(host);
  const root = host.attachShadow({ mode: "open" }); // the notebook's styles stay out, and ours in
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  const { carry, close } = wire(model);
  const api = new Api(carry);
  const look = new Look(api, host, async (row) => url(await api.blob(`rows/${row}/picture`, { size: 96 })));
  look.wear(isDark(el) ? "dark" : "light");
  const shown = mount(Widget, { target: root, props: { look, model } });
  return () => {
    void unmount(shown);
    close();
    host.remove();
  };
}

function url(blob: Blob): Promise<string> {
  return new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.readAsDataURL(blob);
  });
}

/** As the notebook is, whatever its theme is called: by the first background that is not seen through. */
function isDark(el: HTMLElement): boolean {
  for (let at: HTMLElement | null = el; at; at = at.parentElement) {
    const [r, g, b, alpha = 1] = (getComputedStyle(at).backgroundColor.match(/[\d.]+/g) ?? []).map(Number);
    if (alpha > 0.5) return 0.299 * r + 0.587 * g + 0.114 * b < 128;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

export default { render };
