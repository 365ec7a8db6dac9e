"""What one check of a run has measured, and what that says in one sentence."""

import math
from dataclasses import asdict, dataclass
from typing import Any

SAME, FEW = 0.05, 0.2  # variety and coverage below which a generator has collapsed


@dataclass(frozen=True)
class Health:
    samples: int  # that were measured
    held_out: bool  # whether they were kept from learning
    dim: int
    rank: float  # RankMe
    rank_about_mean: float  # the same of the centred vectors
    spread: float  # RMS distance from the mean, as a share of the RMS length
    alpha: float | None  # alpha-ReQ
    uniformity: float
    alignment: float | None  # None: no two views are known
    view_retrieval: float | None
    label: str | None  # the column that `knn` is about
    knn: float | None
    given_back: float | None = None  # share of the samples' variance that is decoded, or found under noise
    by_label: bool = False  # `knn` decides: the labels are what is learnt
    perplexity: float | None = None  # of texts: among how many pieces a model that writes them wavers
    map50: float | None = None  # of what is found in pictures, see objectives/_base.py
    likeness: float | None = None  # of what is made to the samples: 1 less the Fréchet distance of health.py
    coverage: float | None = None  # share of the samples that have something made within their reach
    lifelike: float | None = None  # share of what is made that lies within reach of a sample
    variety: float | None = None  # variance of what is made, as a share of the samples'

    @property
    def deciding(self) -> float | None:
        """What the best encoder of a run is chosen by; more is better.

        A vector that shall hold the whole sample is judged by what comes back. View retrieval rewards
        forgetting what the views change, and stood still (.46, .44) while what came back rose from .70
        to .84: 1,000 black holes, 10 dimensions, steps 63 to 250.
        """
        if self.perplexity is not None:
            return -math.log(self.perplexity)
        if self.map50 is not None:
            return self.map50
        if self.by_label:
            return self.knn
        if self.likeness is not None:
            return self.likeness
        return self.view_retrieval if self.given_back is None else self.given_back

    @property
    def decided_by(self) -> str:
        if self.map50 is not None:
            return "mAP@50"
        if self.by_label:
            return f"right {self.label}"
        if self.likeness is not None:
            return "likeness of what it makes"
        return "view retrieval" if self.given_back is None else "what comes back"

    def doubt(self, share: float) -> float:
        """The standard error of a deciding figure of that height."""
        if any(one is not None for one in (self.given_back, self.perplexity, self.map50, self.likeness)):
            return 0.0  # the same samples at every check: what differs is what was learnt
        return math.sqrt(share * (1 - share) / self.samples) + 1 / self.samples

    @property
    def collapsed(self) -> bool:
        """All vectors (nearly) the same, or all on one line.

        Also on a line through 0, where the cosine of any two is 1 and the little that is left about their
        mean may point anywhere; but a decoder's user does not compare by cosine, and what tells the next
        piece of a text has no reason to spread its vectors about 0.
        """
        if self.map50 is not None:
            return False  # what counts is what it finds, and that is what decides
        straight = self.given_back is None and self.perplexity is None
        rank = min(self.rank, self.rank_about_mean) if straight else self.rank_about_mean
        if self.samples < 3:  # these always lie on one line
            return False
        return self.spread < 1e-3 or (self.dim > 2 and rank < 1.5)

    @property
    def narrow(self) -> str:
        """What a generator that has collapsed makes, in words; empty where it has not."""
        if self.variety is None or self.lifelike is None or self.coverage is None:
            return ""
        if self.variety < SAME:
            return "is nearly all the same"
        if self.lifelike > 0.5 and self.coverage < FEW:
            return f"is of a few kinds only: it covers {self.coverage:.0%} of the samples"
        return ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "collapsed": self.collapsed}

    def sentence(self) -> str:
        if self.collapsed:
            how = "have nearly the same vector" if self.spread < 1e-3 else "lie nearly on one line"
            return (
                f"Collapsed: all samples {how}; nothing can be told apart. "
                "Try a lower learning rate, a larger batch or another objective."
            )
        if self.narrow:
            return (
                f"The generator has collapsed: what it makes {self.narrow}. "
                "Try a lower learning rate, a larger batch or another seed."
            )
        which = f"{self.samples} {'held-out samples' if self.held_out else 'samples'}"
        parts = [f"effective rank {self.rank:.0f} of {self.dim}"]
        if self.view_retrieval is not None:
            parts.insert(0, f"{self.view_retrieval:.0%} of {which} find their own other view among all")
        if self.given_back is not None:
            parts.insert(0, f"{max(0.0, self.given_back):.0%} of the variance of {which} comes back")
        if self.perplexity is not None:
            parts.insert(0, f"perplexity {self.perplexity:.1f} a piece of {which}")
        if self.map50 is not None:
            parts.insert(0, f"mAP@50 {self.map50:.1%} of what is in {which}")
        if self.coverage is not None:
            told = f"what it makes covers {self.coverage:.0%} of {which}, and {self.lifelike:.0%} of it"
            parts.insert(0, f"{told} lies among them")
        if self.knn is not None:
            parts.append(f"{self.knn:.1%} take the right {self.label} from their neighbours")
        return f"{'; '.join(parts)}."
