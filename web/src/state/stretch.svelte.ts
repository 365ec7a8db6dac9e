/** How brightness is shown, the same for every large picture, so that two can be compared. */
import type { Look } from "../api";

const START = { stretch: "linear", low: 0.5, high: 99.5, colours: "grey" };

class Stretch {
  stretch = $state(START.stretch);
  low = $state(START.low);
  high = $state(START.high);
  colours = $state(START.colours);
  touched = $state(false); // until then the server chooses what suits the picture

  asked(channels: number): Partial<Look> {
    const { stretch, low, high, colours } = this;
    return channels === 1 ? { stretch, low, high, colours } : { stretch, low, high };
  }

  reset(): void {
    Object.assign(this, START, { touched: false });
  }
}

export const stretch = new Stretch();
