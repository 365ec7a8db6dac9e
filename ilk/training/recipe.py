"""The numbers of a run: how long, how much at once, how fast, from which seed."""

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import OptionError, UnknownName

PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Recipe:
    """Give one of `steps`, `epochs` or `minutes`; two minutes when none is given.

    The other defaults were measured for small encoders on two cores.
    """

    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    batch: int = 64  # shared by all processes; within minutes more steps taught more than larger ones
    accumulate: int = 1  # batches a step
    learning_rate: float = 2e-3  # as given: never scaled behind your back
    weight_decay: float = 1e-4  # on matrices and kernels only
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 5.0  # of the gradient's norm; 0: off
    warmup: float = 0.05  # share of the run
    precision: str = "auto"  # or float32, bfloat16; auto: the latter where there are units for it
    held_out: float = 0.05  # share of the samples never learnt from, for health (16 to 1,024 of them)
    checks: int = 10  # how often health is measured
    checkpoint_seconds: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        given = [n for n in ("steps", "epochs", "minutes") if getattr(self, n) is not None]
        if len(given) > 1:
            raise OptionError(f"{' and '.join(given)} given", "Give one of steps, epochs or minutes.")
        for name in ("steps", "epochs", "minutes", "batch", "accumulate", "learning_rate", "checks"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionError(f"{name} is {value}; expected more than 0")
        if self.precision not in PRECISIONS:
            raise UnknownName("precision", self.precision, PRECISIONS)
        if not 0 <= self.held_out < 1 or not 0 <= self.warmup <= 1:
            raise OptionError(
                f"held_out is {self.held_out}, warmup {self.warmup}; expected shares from 0 to 1"
            )

    def progress(self, step: int, seconds: float, epoch: int) -> float:
        """Share of the run that is done after `step` steps and `seconds`; `epoch`: steps in one."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        if self.epochs is not None:
            return min(1.0, step / (self.epochs * epoch))
        return min(1.0, seconds / (60 * (self.minutes or 2.0)))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
