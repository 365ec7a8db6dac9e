"""Which text is written, of all that a model thinks possible: piece by piece, or the likeliest as a whole.

Legend: B texts at a time, K beams, T pieces, V pieces in the vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Line(Protocol):
    """Texts being written, which the model goes on with."""

    def add(self, ids: Tensor) -> Tensor:  # (B, T) -> (B, V): the logits of the piece after these
        ...

    def pick(self, rows: Tensor) -> None:
        """Goes on with these of the texts, in this order; one may come several times."""


@dataclass(frozen=True)
class Written:
    ids: list[int]  # the end not among them
    ended: bool  # by itself, rather than by being cut
    likelihood: float  # log of the probability that the model gives it, the end included


Weigh = Callable[[Tensor], Tensor]  # logits (B, V) -> log-probabilities (B, V) to go by, on the CPU
Choose = Callable[[Tensor], Tensor]  # logits (B, V) -> pieces (B,)


def greedy(logits: Tensor) -> Tensor:  # (B, V) -> (B,)
    return logits.argmax(-1)


def drawn(weigh: Weigh, draw: torch.Generator) -> Choose:
    def choose(logits: Tensor) -> Tensor:
        return torch.multinomial(weigh(logits).exp(), 1, generator=draw)[:, 0].to(logits.device)

    return choose


def weighed(temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> Weigh:
    """Flatter where the temperature is above 1; of the `top_k` likeliest alone, and of the fewest that
    together have the share `top_p` (Holtzman et al. 2020).
    """

    def weigh(logits: Tensor) -> Tensor:
        logits = logits.double().cpu() / temperature
        if top_k is not None and top_k < logits.shape[-1]:
            least = logits.topk(top_k).values[..., -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        if top_p is not None and top_p < 1:
            ranked, which = logits.softmax(-1).sort(-1, descending=True)
            before = ranked.cumsum(-1) - ranked  # what the likelier ones have
            out = torch.zeros_like(before, dtype=torch.bool).scatter(-1, which, before >= top_p)
            logits = logits.masked_fill(out, -torch.inf)
        return logits.log_softmax(-1)

    return weigh


PLAIN = weighed()  # as the model thinks


def written(line: Line, logits: Tensor, end: int, longest: int, choose: Choose = greedy) -> list[Written]:
    """Each text (logits (B, V) of its first piece) on until its end, or for so many pieces."""
    B = len(logits)
    ids: list[list[int]] = [[] for _ in range(B)]
    likelihood, ended = torch.zeros(B, dtype=torch.float64), torch.zeros(B, dtype=torch.bool)
    for step in range(longest):
        pieces = choose(logits)  # (B,)
        told = logits.float().log_softmax(-1).gather(1, pieces[:, None])[:, 0].cpu()
        likelihood += torch.where(ended, 0, told.double())
        ended |= (pieces == end).cpu()
        for row in (~ended).nonzero()[:, 0].tolist():
            ids[row].append(int(pieces[row]))
        if bool(ended.all()) or step + 1 == longest:
            break
        logits = line.add(pieces[:, None])
    return [Written(*one) for one in zip(ids, ended.tolist(), likelihood.tolist())]


def likeliest(
    line: Line,
    logits: Tensor,
    end: int,
    longest: int,
    beams: int,
    *,
    penalty: float = 1.0,
    weigh: Weigh = PLAIN,
) -> list[Written]:
    """The best found of one text (logits (1, V)), the best first, by beam search.

    Always the `beams` likeliest beginnings are gone on with. Of the texts that end, the best is the one with
    the highest log-probability over its length to the power of `penalty`: 0 favours short ones.
    """
    done: list[Written] = []
    ids: list[list[int]] = [[]]
    likelihood = torch.zeros(1, dtype=torch.float64)  # (K,)

    def worth(one: Written) -> float:
        return float(one.likelihood / max(len(one.ids) + one.ended, 1) ** penalty)

    for step in range(longest):
        total = likelihood[:, None] + weigh(logits)  # (K, V)
        done += [Written(ids[row], True, float(total[row, end])) for row in range(len(ids))]
        done = sorted(done, key=worth, reverse=True)[:beams]
        total[:, end] = -torch.inf
        likelihood, best = total.flatten().topk(min(beams, int(total.isfinite().sum())))
        rows, pieces = best // total.shape[1], best % total.shape[1]
        ids = [[*ids[row], piece] for row, piece in zip(rows.tolist(), pieces.tolist())]
        if step + 1 == longest or not ids:
            break
        # at the best, all that is to come is certain
        if len(done) == beams and float(likelihood[0]) / longest**penalty <= worth(done[-1]):
            break
        line.pick(rows.to(logits.device))
        logits = line.add(pieces[:, None].to(logits.device))
    cut = [Written(i, False, p) for i, p in zip(ids, likelihood.tolist())]
    return sorted([*done, *cut], key=worth, reverse=True)[:beams]
