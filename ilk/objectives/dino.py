"""DINO (Caron et al. 2021): from a part, name the prototype that a slow copy of oneself sees in the whole.

Legend: B samples on this process, V views (2 wide, the rest narrow), K prototypes.
"""

import torch
from torch import Tensor

from ..encoders import Encoder
from ..source.views import Crops
from ._gather import gather
from ._heads import Prototypes
from ._naming import Naming
from ._teacher import Teacher


class DINO(Naming):
    """The teacher sees the two wide views, the student also `narrow` small ones; each foretells the others.

    Give it narrow ones (4, say) where a part tells what the whole is: not for digits, whose strokes do not.
    Two forces keep the answers apart: `centre_momentum` (the teacher's mean answer is taken off, so that
    no prototype wins always) and a `teacher_temperature` below the student's (so that they do not all
    win alike). It goes there from `teacher_start` over the `warmup` share of the run.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        prototypes: int = 1024,
        temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        teacher_start: float = 0.04,
        warmup: float = 0.3,
        momentum: float = 0.98,
        centre_momentum: float = 0.9,
        projector: tuple[int, ...] = (512, 128),
        narrow: int = 0,
        augment: str = "natural",
    ) -> None:
        warm = teacher_temperature, teacher_start, warmup
        super().__init__(encoder, prototypes, temperature, warm, momentum, centre_momentum, projector)
        self.narrow, self.augment = narrow, augment
        self.head = Prototypes(encoder.dim, projector, prototypes)
        self.teacher = Teacher(encoder, self.head)
        self.register_buffer("centre", torch.zeros(prototypes))
        self.seen = self.centre  # the teacher's mean answer of this step
        self.views = Crops(augment, narrow)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        wide = torch.cat(views[:2])  # (2B, C, H, W)
        answers = [self.head(self.encoder(torch.cat(some))) for some in (views[:2], views[2:]) if some]
        student = torch.cat(answers).float().view(len(views), len(views[0]), -1)  # (V, B, K)
        teacher = self.teacher(wide).float().view(2, len(views[0]), -1)  # (2, B, K)
        self.seen = teacher.mean((0, 1))  # (K,)
        with torch.autocast(teacher.device.type, enabled=False):
            return {"naming": across(self.sharp(teacher, self.centre, progress), self.log(student))}

    def after_step(self, progress: float) -> None:
        self.follow(gather(self.seen[None]).mean(0), progress)


def across(teacher: Tensor, student: Tensor) -> Tensor:
    """Mean cross-entropy of log-probabilities (V, B, K) under probabilities (T, B, K), over different views.

    The first T of the student's views are those that the teacher saw.
    """
    entropy = -torch.einsum("tbk,vbk->tv", teacher, student) / student.shape[1]  # (T, V)
    same = torch.eye(*entropy.shape, dtype=torch.bool, device=entropy.device)
    return entropy[~same].mean()
