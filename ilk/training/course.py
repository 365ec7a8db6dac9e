"""What the checks of a run have shown, and what that comes to in a sentence."""

import math
from dataclasses import dataclass
from typing import Any

from .checked import Health


@dataclass
class Course:
    """What the checks have shown so far; part of the checkpoint."""

    best: float | None = None  # the highest deciding figure
    kept: int = 0  # step of the encoder in the folder
    health: dict[str, Any] | None = None  # of that encoder
    last: dict[str, Any] | None = None

    def takes(self, step: int, now: Health) -> bool:
        """Whether the encoder of this step is the one to keep: the latest that is as good as any was.

        As good: within the standard error of a share, so that luck at an early check does not win
        over all that was learnt after it.
        """
        self.last = now.as_json()
        share = now.deciding
        if share is not None:
            self.best = share if self.best is None else max(share, self.best)
            if self.health is not None and share < self.best - now.doubt(self.best):
                return False
        self.kept, self.health = step, now.as_json()
        return True

    @property
    def overtrained(self) -> bool:
        """The last check found the deciding figure well below its best."""
        if self.last is None or self.best is None:
            return False
        last = _health(self.last)
        return last.deciding is not None and last.deciding < self.best - max(0.05, 3 * last.doubt(self.best))

    def verdict(self, step: int, *, stopped: bool) -> str:
        """One plain sentence (or two) about the whole run."""
        if self.health is None or self.last is None:
            return f"Nothing was measured in {step} steps."
        best, last = (_health(one) for one in (self.health, self.last))
        began = f"Stopped at step {step}" if stopped else f"Learnt for {step} steps"
        kept = f"the encoder of step {self.kept} of {step} is kept"
        if last.collapsed or last.narrow:
            earlier = self.kept < step and not (best.collapsed or best.narrow)
            return last.sentence() + (f" From before that, {kept}: {best.sentence()}" if earlier else "")
        if self.overtrained:
            return f"Over-trained: {self._worse(last)}, so {kept}: {best.sentence()}"
        return f"{began}; {kept}: {best.sentence()}" if self.kept < step else f"{began}: {best.sentence()}"

    def _worse(self, last: Health) -> str:
        assert self.best is not None
        if last.perplexity is not None:
            return f"perplexity rose from {math.exp(-self.best):.1f} to {last.perplexity:.1f}"
        return f"{last.decided_by} fell from {self.best:.0%} to {last.deciding:.0%}"


def _health(told: dict[str, Any]) -> Health:
    return Health(**{k: v for k, v in told.items() if k != "collapsed"})
