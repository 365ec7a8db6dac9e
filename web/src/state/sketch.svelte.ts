/** What the panel that draws is set to, and what it has drawn: it stays while another panel is open. */
import type { Draws } from "./drawing";

export type Way = "new" | "from" | "part";

class Sketch {
  draws = $state.raw<Draws | null>(null);
  way = $state<Way>("new");
  prompt = $state("");
  told = $state<Record<string, number>>({}); // only what is told
  guidance = $state(2);
  seed = $state(0);
  n = $state(4);
  steps = $state(25);
  strength = $state(0.6);
  made = $state.raw<string[]>([]); // PNG, base64
  chosen = $state<number | null>(null);
}

export const sketch = new Sketch();
