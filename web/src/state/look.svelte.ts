/** What the page knows: the space, the map's points, what is chosen. */
import {
  Api,
  Trouble,
  values,
  type Anomalies,
  type Clusters,
  type Near,
  type Points,
  type Row,
  type SpaceInfo,
} from "../api";
import type { Box } from "../map/camera";
import type { Renderer } from "../map/renderer";
import { colouring, none, type Colouring } from "./colouring";
import { Edges } from "./edges";
import { combine, rowsOf, type Operation, type Rows } from "./rows";
import type { Theme } from "../map/colours";

export type Tool = "move" | "lasso" | "box";
export type Tab = "sample" | "selection" | "compare" | "dimensions" | "draw";
export type Pinned = { name: string; rows: Rows };
export type Found = { title: string; items: Near[]; picture: string | null; total: number };

const EMPTY: Rows = new Uint32Array(0);
const KEPT = 50; // selections to go back to

export class Look {
  /** `root` wears the theme; `face` gives the address of a row's small picture. */
  constructor(
    readonly api: Api,
    private readonly root: HTMLElement,
    readonly face: (row: number) => string | Promise<string>,
  ) {}

  space = $state.raw<SpaceInfo | null>(null);
  x = $state.raw(new Float32Array(0));
  y = $state.raw(new Float32Array(0));
  bounds = $state.raw<Box>({ x0: -1, y0: -1, x1: 1, y1: 1 });
  groupOf = $state.raw<ArrayLike<number> | null>(null); // by row, 255 for none
  clusters = $state.raw<Clusters>({ says: null, clusters: [] });
  anomalies = $state.raw<Anomalies>({ says: null, anomalies: [] });
  colour = $state.raw<Colouring>(none(0, "light"));
  edges = $state.raw<Edges | null>(null); // of the graph, while they are drawn
  theme = $state<Theme>("light");

  selection = $state.raw<Rows>(EMPTY);
  past = $state.raw<Rows[]>([]);
  operation = $state<Operation>("new");
  found = $state.raw<Found | null>(null);
  focus = $state<number | null>(null);
  sample = $state.raw<Row | null>(null); // the focused row, once it has come
  near = $state.raw<Near[]>([]);
  hover = $state<number | null>(null);
  pinned = $state.raw<Pinned | null>(null);

  tool = $state<Tool>("move");
  tab = $state<Tab>("sample");
  pictures = $state(true);
  ellipses = $state(true);
  helping = $state(false);
  said = $state(""); // the last news, also read aloud by screen readers
  trouble = $state.raw<Trouble | null>(null);
  busy = $state("");
  map: Renderer | null = null;

  private readonly known = new Map<number, Promise<Row>>();

  async load(): Promise<void> {
    this.api.version = "";
    const [space, points, bytes] = await Promise.all([
      this.api.json<SpaceInfo>("space"),
      this.api.json<Points>("points"),
      this.api.bytes("points.bin"),
    ]);
    this.api.version = space.version;
    this.api.stamp = space.stamp;
    const column = (name: string): ArrayLike<number> | null => {
      const at = points.columns.find((c) => c.name === name);
      return at ? values(bytes, at.type, at.offset, at.bytes) : null;
    };
    this.known.clear();
    this.groupOf = column("cluster");
    this.clusters = { says: null, clusters: [] };
    this.forget();
    this.colour = none(points.rows, this.theme);
    if (this.groupOf) await this.colourBy("cluster"); // its groups' names come later
    this.x = column("x") as Float32Array<ArrayBuffer>;
    this.y = column("y") as Float32Array<ArrayBuffer>;
    const [x0, y0, x1, y1] = points.bounds;
    if (points.rows) this.bounds = { x0, y0, x1, y1 };
    this.space = space;
    this.say(`${space.name}: ${points.rows.toLocaleString()} samples.`);
    await Promise.all([this.loadClusters(), this.loadAnomalies()]);
  }

  private forget(): void {
    [this.selection, this.past, this.found, this.focus, this.pinned] = [EMPTY, [], null, null, null];
    [this.sample, this.near, this.hover, this.edges] = [null, [], null, null];
  }

  async loadClusters(): Promise<void> {
    this.clusters = await this.api.json<Clusters>("clusters", { s: this.api.stamp });
    if (this.colour.column === "cluster") await this.colourBy("cluster");
  }

  async loadAnomalies(): Promise<void> {
    this.anomalies = await this.api.json<Anomalies>("anomalies", { top: 60, s: this.api.stamp });
  }

  // What is looked at

  /** Shows the row large. */
  async open(row: number, fly = false): Promise<void> {
    this.focus = row;
    this.tab = "sample";
    if (fly) this.flyTo([row]);
    const [sample, near] = await Promise.all([
      this.row(row),
      this.api.json<{ neighbours: Near[] }>(`rows/${row}/neighbours`, { k: 24 }),
    ]);
    if (this.focus !== row) return; // another one was opened meanwhile
    [this.sample, this.near] = [sample, near.neighbours];
    this.say(`${sample.id}, with its ${near.neighbours.length} nearest neighbours.`);
  }

  row(row: number): Promise<Row> {
    let found = this.known.get(row);
    if (!found) {
      if (this.known.size > 500) this.known.clear();
      found = this.api.json<Row>(`rows/${row}`);
      found.catch(() => this.known.delete(row));
      this.known.set(row, found);
    }
    return found;
  }

  groupName(row: number): string | null {
    const code = this.groupOf?.[row] ?? 255;
    return this.clusters.clusters[code]?.name ?? null;
  }

  flyTo(rows: ArrayLike<number>): void {
    this.flight = { rows };
  }
  flight = $state.raw<{ rows: ArrayLike<number> } | null>(null);

  /** Draws the edges of the graph, or no more. */
  async link(): Promise<void> {
    if (this.edges) return void (this.edges = null);
    await this.attempt("reading the graph", async () => {
      const { edges } = await this.api.json<{ edges: number; sent: number }>("edges");
      const pairs = new Uint32Array(await this.api.bytes("edges.bin"));
      this.edges = new Edges(pairs, edges, this.x.length);
      const some = this.edges.length < edges ? `, ${this.edges.length.toLocaleString()} of them at hand` : "";
      this.say(`${edges.toLocaleString()} edges${some}. At most 20,000 are drawn at once, those of what is chosen stand out.`);
    });
  }

  // What is selected

  /** The one way to select: everything else comes here with its rows. */
  select(rows: Iterable<number>, what: string, operation: Operation = this.operation): void {
    const before = this.selection;
    this.past = [...this.past.slice(1 - KEPT), before];
    this.selection = combine(before, rowsOf(rows), operation);
    if (operation === "new") this.found = null;
    if (this.selection.length) this.tab = "selection";
    const n = this.selection.length.toLocaleString();
    this.say(n === "0" ? "Nothing selected." : `${n} selected: ${what}.`);
  }

  undo(): void {
    const before = this.past.at(-1);
    if (!before) return;
    this.past = this.past.slice(0, -1);
    this.selection = before;
    this.found = null;
    this.say(`Back: ${before.length.toLocaleString()} selected.`);
  }

  clear(): void {
    if (this.selection.length) this.select([], "nothing", "new");
    this.found = null;
  }

  invert(): void {
    const all = Uint32Array.from(this.x, (_, i) => i);
    this.select(combine(all, this.selection, "subtract"), "all the others", "new");
  }

  /** The lasso's equivalent for the keyboard. */
  selectGroupOf(row: number): void {
    const code = this.groupOf?.[row] ?? 255;
    if (code !== 255) this.selectGroup(code);
    else this.say("This sample is in no group.");
  }

  selectGroup(code: number): void {
    const rows: number[] = [];
    for (let i = 0; i < this.x.length; i++) if (this.groupOf?.[i] === code) rows.push(i);
    this.select(rows, `group ${this.clusters.clusters[code].name}`);
  }

  // How it looks

  async colourBy(name: string | null): Promise<void> {
    if (name === null) {
      this.colour = none(this.x.length, this.theme);
      return;
    }
    const grouped = name === "cluster" && this.groupOf;
    const [about, data] = grouped ? this.groups(grouped) : await this.api.column(name);
    if (!data) throw new Trouble(0, `${name} is text with too many different values to be shown as colours.`);
    this.colour = colouring(about, data, this.theme);
    this.say(`Coloured by ${name}.`);
  }

  private groups(codes: ArrayLike<number>): Awaited<ReturnType<Api["column"]>> {
    const counts = new Array<number>(256).fill(0);
    for (let i = 0; i < codes.length; i++) counts[codes[i]]++;
    const missing = counts.pop() ?? 0;
    const used = counts.findLastIndex((count) => count > 0) + 1;
    const categories = counts
      .slice(0, used)
      .map((count, code) => ({ name: this.clusters.clusters[code]?.name ?? String(code), count }));
    return [{ name: "cluster", kind: "category", from: "layer:cluster", type: "u8", missing, categories }, codes];
  }

  wear(theme: Theme): void {
    this.theme = theme;
    this.root.dataset.theme = theme;
    const { about, values } = this.colour;
    this.colour = about && values ? colouring(about, values, theme) : none(this.x.length, theme);
  }

  // What is said

  say(text: string): void {
    this.said = text;
  }

  /** Runs it and shows whatever goes wrong. `what` is shown meanwhile; empty for what nobody asked for by hand. */
  async attempt(what: string, work: () => Promise<unknown>): Promise<void> {
    if (what) [this.busy, this.trouble] = [what, null];
    try {
      await work();
    } catch (caught) {
      this.trouble = caught instanceof Trouble ? caught : new Trouble(0, String(caught));
      if (caught instanceof Trouble && caught.status === 409 && /version/i.test(caught.message)) await this.load();
    } finally {
      if (this.busy === what) this.busy = "";
    }
  }
}
