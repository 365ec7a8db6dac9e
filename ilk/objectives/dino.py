"""DINO (Caron et al. 2021): from a part, name the prototype that a slow copy of oneself sees in the whole.

Legend: B samples on this process, V views (2 wide, the rest narrow), K prototypes.
"""

import torch
from torch import Tensor

from ..encoders import Encoder
from ..source.views import Crops
from ._base import Objective
from ._gather import gather
from ._heads import Prototypes
from ._teacher import Teacher, towards_one, warmed


class DINO(Objective):
    """The teacher sees the two wide views, the student also `narrow` small ones; each foretells the others.

    Give it narrow ones (4, say) where a part tells what the whole is: not for digits, whose strokes do not.
    Two forces keep the answers apart: `centre_momentum` (the teacher's mean answer is taken off, so that
    no prototype wins always) and a `teacher_temperature` below the student's (so that they do not all
    win alike). It goes there from `teacher_start` over the `warmup` share of the run.
    """

    centre: Tensor

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
        super().__init__()
        self.encoder, self.prototypes, self.projector = encoder, prototypes, projector
        self.temperature, self.teacher_temperature = temperature, teacher_temperature
        self.teacher_start, self.warmup = teacher_start, warmup
        self.momentum, self.centre_momentum = momentum, centre_momentum
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
        temperature = warmed(self.teacher_start, self.teacher_temperature, self.warmup, progress)
        with torch.autocast(teacher.device.type, enabled=False):
            sharp = ((teacher - self.centre) / temperature).softmax(2)
            return {"naming": across(sharp, (student / self.temperature).log_softmax(2))}

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        self.centre.lerp_(gather(self.seen[None]).mean(0), 1 - self.centre_momentum)
        self.teacher.follow(self.encoder, self.head, towards_one(self.momentum, progress))


def across(teacher: Tensor, student: Tensor) -> Tensor:
    """Mean cross-entropy of log-probabilities (V, B, K) under probabilities (T, B, K), over different views.

    The first T of the student's views are those that the teacher saw.
    """
    entropy = -torch.einsum("tbk,vbk->tv", teacher, student) / student.shape[1]  # (T, V)
    same = torch.eye(*entropy.shape, dtype=torch.bool, device=entropy.device)
    return entropy[~same].mean()
