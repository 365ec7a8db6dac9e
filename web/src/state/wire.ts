/** Questions to the notebook's kernel, as messages; it answers at the server's addresses. */
import type { Carry } from "../api";

/** What anywidget gives: traits by name, and messages with binary buffers beside them. */
export type Model = {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, call: (...args: never[]) => void): void;
  off(event: string, call: (...args: never[]) => void): void;
};
type Answer = { id: string; status: number; type: string };

export function wire(model: Model): { carry: Carry; close: () => void } {
  const own = Math.random().toString(36).slice(2); // each view of one model hears the answers to all
  const waiting = new Map<string, (answer: Response) => void>();
  let asked = 0;

  const heard = (answer: Answer, buffers: DataView<ArrayBuffer>[]): void => {
    const waits = waiting.get(answer.id);
    if (!waits) return;
    waiting.delete(answer.id);
    waits(new Response(buffers[0], { status: answer.status, headers: { "Content-Type": answer.type } }));
  };
  model.on("msg:custom", heard);

  const carry: Carry = (address) =>
    new Promise((done) => {
      const id = `${own}:${asked++}`;
      waiting.set(id, done);
      model.send({ id, address });
    });
  return { carry, close: () => model.off("msg:custom", heard) };
}

/** Row numbers as they travel: u32, little-endian. */
export function unpacked(bytes: unknown): Uint32Array {
  if (!(bytes instanceof DataView)) return new Uint32Array(0);
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
}

export function packed(rows: Uint32Array): DataView {
  return new DataView(rows.slice().buffer);
}
