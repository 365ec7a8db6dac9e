"""What can be drawn with beside a space: the U-Net of the space itself, or of the run that lies beside it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ...errors import FormatError, SpaceError

if TYPE_CHECKING:
    from ...generate.drawing import Drawing


class Easel:
    """What can be drawn with beside one space. The network is loaded when it is first asked."""

    def __init__(self, space: Path) -> None:
        self.space = space
        self._lock = Lock()

    @cached_property
    def place(self) -> Path | None:
        """The space itself if it is a U-Net's, or the one folder in NAME.run that is."""
        from ...generate._folders import folders
        from ...generate._unets import holds

        run = self.space.with_suffix(".run")
        try:
            found = [f for f in (self.space, *(folders(run) if run.is_dir() else [])) if holds(f)]
        except FormatError:  # of a run that is being written: it is seen when the page is loaded again
            return None
        return found[0] if found and (found[0] == self.space or len(found) == 1) else None

    def drawing(self) -> Drawing:
        if self.place is None:
            do = "Learn with --objective diffusion or latent_diffusion."
            raise SpaceError("nothing here draws out of noise", do)
        with self._lock:  # loaded once, however many ask
            return self._drawing

    @cached_property
    def _drawing(self) -> Drawing:
        from ...generate.drawing import Drawing

        assert self.place is not None
        return Drawing.open(self.place)
