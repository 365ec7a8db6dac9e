/** The search box: an id, words, or a filter; and a picture that is dropped on the page. */
import type { Near } from "../api";
import { isCondition } from "./condition";
import { look } from "./page";

export async function search(text: string): Promise<void> {
  if (isCondition(text)) return filter(text);
  const ids = await look.api.json<{ rows: Near[]; total: number }>("search", {}, { id: text, k: 200 });
  // Where words are understood, only a whole id is taken for one: parts of ids are words too.
  if (!look.space?.has.text || ids.rows[0]?.id === text) return show(`“${text}”`, ids.rows, null, ids.total);
  const said = await look.api.json<{ rows: Near[] }>("search", {}, { text, k: 48 });
  show(`“${text}”`, said.rows);
}

export async function filter(where: string): Promise<void> {
  const rows = new Uint32Array(await look.api.bytes("select", {}, { where }));
  if (!rows.length) return show(where, []);
  look.select(rows, where);
  look.flyTo(rows);
}

export async function likePicture(file: File): Promise<void> {
  const found = await look.api.json<{ neighbours: Near[] }>("search/picture", { k: 24 }, file);
  show(`like ${file.name}`, found.neighbours, URL.createObjectURL(file));
}

export async function likeSet(): Promise<void> {
  const found = await look.api.json<{ neighbours: Near[] }>("search/set", { k: 48 }, look.selection);
  show("more like the selection", found.neighbours);
}

function show(title: string, items: Near[], picture: string | null = null, total = items.length): void {
  const rows = items.map((item) => item.row);
  look.select(rows, title, "new");
  look.found = { title, items, picture, total };
  look.tab = "selection";
  if (rows.length) look.flyTo(rows);
  else look.say(`Nothing found: ${title}.`);
}
