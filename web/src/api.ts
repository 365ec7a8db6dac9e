/** The server's answers, as it describes them at /api/openapi.json. */

export type Column = { name: string; kind: "number" | "category" | "text" | "flag" | "time"; from: string };
export type SpaceInfo = {
  name: string;
  rows: number;
  dim: number;
  metric: string;
  version: string;
  encoder: string;
  columns: Column[];
  has: Record<"pictures" | "full" | "decoder" | "draws" | "text" | "clusters" | "anomalies" | "edges" | "writable", boolean>;
  stamp: string;
};
export type Packed = { name: string; type: "f32" | "f64" | "u8" | "u16"; offset: number; bytes: number };
export type Points = { rows: number; bounds: [number, number, number, number]; columns: Packed[] };
export type Counted = { name: string; count: number };
export type Histogram = { edges: number[]; counts: number[] };
export type ColumnAbout = Column & {
  type: Packed["type"] | null;
  missing: number;
  min?: number | null;
  max?: number | null;
  percentiles?: Record<string, number>;
  histogram?: Histogram;
  categories?: Counted[];
};
export type Value = string | number | boolean | null;
export type Row = {
  row: number;
  id: string;
  metadata: Record<string, Value>;
  layers: Record<string, Record<string, Value>>;
  picture: boolean;
};
export type Named = { row: number; id: string };
export type Near = Named & { distance: number | null };
export type Thing = Named & { box: [number, number, number, number] };
export type PictureAbout = {
  full: boolean;
  width: number;
  height: number;
  channels: number;
  type: string;
  min: number | null;
  max: number | null;
  stretches: string[];
  colours: string[];
  things: Thing[];
};
export type Cluster = {
  name: string;
  size: number;
  share: number;
  representatives: Named[];
  centre: [number, number];
  covariance: [[number, number], [number, number]];
};
export type Clusters = { says: string | null; clusters: Cluster[] };
export type Anomaly = Named & { score: number; why: string | null };
export type Anomalies = { says: string | null; anomalies: Anomaly[] };
export type Labels = { labels: Counted[]; sets: Counted[]; undo: string | null; redo: string | null; stamp: string };
export type Unsure = Named & { prediction: string; second: string | null; margin: number };
export type Probe = {
  accuracy: number | null;
  guess: number;
  rows: number;
  labels: { name: string; count: number; recall: number | null }[];
  unsure: Unsure[];
  predicted: Counted[];
  stamp: string;
};
export type SummaryColumn = {
  name: string;
  kind: Column["kind"];
  mean?: number | null;
  sd?: number | null;
  median?: number | null;
  top?: Counted[];
};
export type Summary = { count: number; representatives: Named[]; spread: number; columns: SummaryColumn[] };
export type Dimension = { index: number; mean: number; sd: number; low: number; high: number } & Histogram;
export type Direction = { name: string; r2: number; sd: number };
export type Dimensions = { dimensions: Dimension[]; directions: Direction[] };
export type Move = { dimension?: number; direction?: string; amount: number };
export type Series = { step: number[]; value: (number | null)[] };
export type Run = {
  name: string;
  step: number;
  steps: number | null;
  running: boolean;
  verdict: string | null;
  figures: Record<string, Series>;
};
export type Live = {
  version: string;
  stamp: string;
  newest: { version: string; rows: number };
  busy: string | null;
  runs: Run[];
};
export type Look = { stretch: string; low: number; high: number; colours: string };

/** What the server, or the lack of one, says; `advice` is what to do. */
export class Trouble extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly advice = "",
  ) {
    super(message);
  }
}

/** How a question gets to the server and its answer back. */
export type Carry = (address: string, init: RequestInit) => Promise<Response>;
type Query = Record<string, string | number | boolean | null | undefined>;

/** One version of one space, as served. */
export class Api {
  version = "";
  stamp = "";

  constructor(private readonly carry: Carry) {}

  async json<T>(path: string, query: Query = {}, send?: unknown, method?: string): Promise<T> {
    return (await (await this.ask(path, query, send, method)).json()) as T;
  }

  async bytes(path: string, query: Query = {}, send?: unknown): Promise<ArrayBuffer> {
    return (await this.ask(path, query, send)).arrayBuffer();
  }

  async blob(path: string, query: Query = {}, send?: unknown): Promise<Blob> {
    return (await this.ask(path, query, send)).blob();
  }

  async column(name: string): Promise<[ColumnAbout, ArrayLike<number> | null]> {
    const query = { name, s: this.stamp };
    const about = await this.json<ColumnAbout>("column", query);
    return [about, about.type ? values(await this.bytes("column.bin", query), about.type) : null];
  }

  picture(row: number, look?: Partial<Look> & { size?: number }): string {
    return this.address(`rows/${row}/picture`, { ...look });
  }

  thumbnail(row: number): string {
    return this.address(`rows/${row}/picture`, { size: 96 });
  }

  /** Relative, so that the page also works below a path of another server. */
  address(path: string, query: Query = {}): string {
    const all = Object.entries({ ...query, v: this.version || null });
    const text = all.flatMap(([k, v]) => (v === null || v === undefined ? [] : [`${k}=${encodeURIComponent(v)}`]));
    return `api/${path}${text.length ? `?${text.join("&")}` : ""}`;
  }

  private async ask(path: string, query: Query, send?: unknown, method?: string): Promise<Response> {
    const init: RequestInit = { method: method ?? (send === undefined ? "GET" : "POST") };
    if (send instanceof Uint32Array || send instanceof Blob) {
      init.body = send as Uint32Array<ArrayBuffer> | Blob;
      init.headers = { "Content-Type": "application/octet-stream" };
    } else if (send !== undefined) {
      init.body = JSON.stringify(send);
      init.headers = { "Content-Type": "application/json" };
    }
    const answer = await this.carry(this.address(path, query), init).catch(() => null);
    if (!answer) throw new Trouble(0, "The server does not answer.", "Is `ilk look` still running?");
    if (answer.ok) return answer;
    const told = (await answer.json().catch(() => null)) as { error?: string; do?: string } | null;
    throw new Trouble(answer.status, told?.error ?? `the server answered ${answer.status}`, told?.do);
  }
}

export function values(bytes: ArrayBuffer, type: Packed["type"], offset = 0, length?: number): ArrayLike<number> {
  const n = (size: number): number | undefined => (length === undefined ? undefined : length / size);
  if (type === "f32") return new Float32Array(bytes, offset, n(4));
  if (type === "f64") return new Float64Array(bytes, offset, n(8));
  if (type === "u16") return new Uint16Array(bytes, offset, n(2));
  return new Uint8Array(bytes, offset, n(1));
}
