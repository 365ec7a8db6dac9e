/** What goes on beside the page: runs that train, rows that were added. */
import type { Live, SpaceInfo } from "../api";
import { look } from "./page";
import { names } from "./labels.svelte";

const EVERY = 2000; // ms

class News {
  now = $state.raw<Live | null>(null);
  away = $state(false);

  /** Asks for as long as the page is open and seen. */
  follow(): () => void {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void this.ask();
    }, EVERY);
    void this.ask();
    return () => clearInterval(timer);
  }

  async ask(): Promise<void> {
    try {
      this.now = await look.api.json<Live>("live");
      this.away = false;
    } catch {
      this.away = true;
    }
    // Where nothing is shown yet, nobody loses a view that they have made for themselves.
    if (look.space?.rows === 0 && this.added > 0 && !look.busy)
      await look.attempt("laying out the map", () => this.refresh());
  }

  get added(): number {
    return this.now && look.space && this.now.newest.version !== look.space.version
      ? this.now.newest.rows - look.space.rows
      : 0;
  }

  get moved(): boolean {
    return !!this.now && !!look.space && this.now.newest.version !== look.space.version;
  }

  async refresh(): Promise<void> {
    await look.api.json<SpaceInfo>("refresh", {}, {});
    await look.load();
    await names.load();
  }
}

export const news = new News();
