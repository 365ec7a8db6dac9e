"""iBOT (Zhou et al. 2022): DINO for the whole picture, and for each patch that the student may not see.

The slow copy is the tokenizer: it sees the patch and names it, the student has to tell that name from
what surrounds the hole.

Legend: B samples on this process, P patches, M masked ones of all 2B views, K prototypes, D a token's width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..encoders import TokenEncoder
from ..encoders._base import grid_of
from ..errors import OptionError
from ..source.views import Views
from ._gather import gather
from ._heads import Prototypes
from ._naming import Naming
from ._teacher import Teacher
from .dino import across

_ASPECT = 0.3  # of a blob, up to 1 / 0.3: as in BEiT (Bao et al. 2021)


class IBOT(Naming):
    """Of the share `chance` of views a blob is masked, in size between the two shares of `masked`.

    For encoders of patches (`vit`). The other keywords are those of DINO; patches and pictures have the
    same prototypes.
    """

    encoder: TokenEncoder

    def __init__(
        self,
        encoder: TokenEncoder,
        *,
        prototypes: int = 1024,
        temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        teacher_start: float = 0.04,
        warmup: float = 0.3,
        momentum: float = 0.98,
        centre_momentum: float = 0.9,
        projector: tuple[int, ...] = (512, 128),
        masked: tuple[float, float] = (0.1, 0.5),
        chance: float = 0.5,
        augment: str = "natural",
    ) -> None:
        if not (isinstance(masked, Sequence) and len(masked) == 2 and 0 <= masked[0] <= masked[1] <= 1):
            raise OptionError(f"masked is {masked}", "Give the least and the greatest share, as [0.1, 0.5].")
        if not isinstance(encoder, TokenEncoder):
            what = f"iBOT masks patches, and {type(encoder).__name__} knows none"
            raise OptionError(what, "Give an encoder that does: --encoder vit.")
        warm = teacher_temperature, teacher_start, warmup
        super().__init__(encoder, prototypes, temperature, warm, momentum, centre_momentum, projector)
        self.masked, self.chance, self.augment = masked, chance, augment
        self.mask = nn.Parameter(torch.zeros(encoder.token_dim))
        self.head = _Head(encoder, projector, prototypes)
        self.teacher = Teacher(encoder, self.head)
        self.register_buffer("centre", torch.zeros(2, prototypes))  # of pictures, of patches
        # The sums of the teacher's answers in this step, and of how many
        self.seen = self.centre, torch.ones(2, 1)
        self.changed = Views(augment)

    def views(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Two views (B, C, H, W), then what is masked in each (B, P)."""
        a, b = self.changed(batch)
        grid = grid_of(a, self.encoder.patch)
        masks = blobs(2 * len(batch), grid, self.masked, self.chance).to(batch.device)
        return a, b, *masks.chunk(2)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        both, masked = torch.cat(views[:2]), torch.cat(views[2:])  # (2B, C, H, W), (2B, P)
        tokens = self.encoder.tokens(both, masked=masked, mask=self.mask)  # (2B, T, D)
        student, told = self.head(self.encoder, tokens, masked)  # (2B, K), (M, K)
        with torch.no_grad():
            whole = self.teacher.encoder.tokens(both)
            teacher, truth = self.teacher.head(self.teacher.encoder, whole, masked)
        number = teacher.new_tensor([[len(teacher)], [len(truth)]])  # (2, 1)
        self.seen = torch.stack([teacher.sum(0), truth.sum(0)]), number  # (2, K)
        with torch.autocast(both.device.type, enabled=False):
            pairs = self.sharp(teacher, self.centre[0], progress), self.log(student)
            return {
                "naming": across(*(p.view(2, len(views[0]), -1) for p in pairs)),
                "patches": within(self.sharp(truth, self.centre[1], progress), self.log(told), masked),
            }

    def after_step(self, progress: float) -> None:
        sums, numbers = (gather(one[None]).sum(0) for one in self.seen)  # of all processes
        self.follow(sums / numbers, progress)


class _Head(nn.Module):
    """One head for pictures and patches, the latter brought to the former's length."""

    def __init__(self, encoder: TokenEncoder, widths: tuple[int, ...], number: int) -> None:
        super().__init__()
        self.patches = nn.Linear(encoder.token_dim, encoder.dim)
        self.names = Prototypes(encoder.dim, widths, number)

    def forward(self, encoder: TokenEncoder, tokens: Tensor, masked: Tensor) -> tuple[Tensor, Tensor]:
        patches = self.patches(tokens[:, encoder.specials :][masked])  # (2B, T, D) -> (M, dim)
        # One after the other: evened out together, pictures would be one heap and patches another
        return self.names(encoder.vector(tokens)).float(), self.names(patches).float()  # (2B, K), (M, K)


def within(teacher: Tensor, student: Tensor, masked: Tensor) -> Tensor:
    """Cross-entropy (M, K) of each masked patch: the mean of a picture's own, then that of all pictures."""
    entropy = -(teacher * student).sum(1)  # (M,)
    weight = (1 / masked.sum(1, keepdim=True)).expand_as(masked)[masked]  # (2B, P) -> (M,)
    return (entropy * weight).sum() / len(masked)


def blobs(
    n: int, grid: tuple[int, int], share: tuple[float, float], chance: float, pieces: int = 1
) -> Tensor:  # (n, P)
    """True for the patches nearest to random places, as an ellipse measures; in two pictures at least."""
    row, column = torch.cartesian_prod(*(torch.arange(side) + 0.5 for side in grid)).T  # (P,) each
    at_row, at_column, stretch = torch.rand(3, n, pieces, 1)
    stretch = _ASPECT ** (2 * stretch - 1)
    far = stretch * (row - grid[0] * at_row) ** 2 + (column - grid[1] * at_column) ** 2 / stretch
    far = far.amin(1)  # (n, pieces, P) -> (n, P)
    count = (far.shape[1] * (share[0] + (share[1] - share[0]) * torch.rand(n, 1))).round().clamp(min=1)
    chosen = torch.rand(n).argsort() < max(2, round(chance * n))  # so many; one patch alone has no spread
    masks: Tensor = (far.argsort(1).argsort(1) < count) & chosen[:, None]
    return masks
