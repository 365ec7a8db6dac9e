/**
 * How many points a frame may draw while the map moves: as many as this machine shows fluently, found by
 * trying. The time between two frames is what counts: the browser holds the next one back while the graphics
 * are behind.
 */
const FLUENT = 34; // ms between two frames
const SLOW = 50;
const LEAST = 20_000;

export class Budget {
  points = 100_000;
  private last = 0;

  /** To be told of each frame that is one of a row of frames; `full`: it drew as many as it might. */
  frame(now: number, full: boolean): void {
    const took = now - this.last;
    this.last = now;
    if (took > 1000) return; // the row's first, or the page was hidden
    if (took > SLOW) this.points = Math.max(LEAST, this.points * 0.75);
    else if (took < FLUENT && full) this.points = Math.min(4_000_000, this.points * 1.15);
  }
}
