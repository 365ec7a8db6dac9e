/** Labels, named sets, and the probe that learns from the labels. */
import type { Labels, Probe, SpaceInfo } from "../api";
import { look } from "./page";
import type { Rows } from "./rows";

class Names {
  all = $state.raw<Labels>({ labels: [], sets: [], undo: null, redo: null, stamp: "" });
  probe = $state.raw<Probe | null>(null);

  async load(): Promise<void> {
    this.all = await look.api.json<Labels>("labels", { s: look.api.stamp });
  }

  async label(name: string, rows: Rows): Promise<void> {
    await this.change("labels", { name }, rows);
    look.say(`${rows.length.toLocaleString()} labelled ${name}.`);
  }

  async keep(name: string, rows: Rows): Promise<void> {
    await this.change("sets", { name }, rows);
    look.say(`Kept ${rows.length.toLocaleString()} as the set ${name}.`);
  }

  /** Sends a change, and shows what it changed. */
  async change(path: string, query: Record<string, string>, send?: unknown, method?: string): Promise<void> {
    this.all = await look.api.json<Labels>(path, query, send, method);
    look.api.stamp = this.all.stamp;
    await this.shown("layer:labels");
  }

  async rowsOf(kind: "label" | "set", name: string): Promise<Rows> {
    const column = kind === "label" ? columnFrom("layer:labels") : name;
    const where = `\`${column}\` = ${kind === "label" ? `'${name.replaceAll("'", "''")}'` : "true"}`;
    return new Uint32Array(await look.api.bytes("select", {}, { where }));
  }

  async train(): Promise<void> {
    this.probe = await look.api.json<Probe>("probe", {}, { unsure: 24 });
    look.api.stamp = this.probe.stamp;
    await this.shown("layer:probe");
    const { accuracy } = this.probe;
    look.say(accuracy === null ? "The probe is trained." : `The probe is right for ${Math.round(100 * accuracy)}%.`);
  }

  /** Colours by the first column of the layer that has just changed, or no more by it where it has gone. */
  private async shown(layer: string): Promise<void> {
    const before = columnFrom(layer);
    const space = await look.api.json<SpaceInfo>("space", { s: look.api.stamp });
    look.space = { ...space, version: look.api.version };
    look.api.stamp = space.stamp;
    const now = columnFrom(layer);
    if (now || look.colour.column === before) await look.colourBy(now);
  }
}

function columnFrom(layer: string): string | null {
  return look.space?.columns.find((c) => c.from === layer && c.kind === "category")?.name ?? null;
}

export const names = new Names();
