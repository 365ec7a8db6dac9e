"""An encoder as a file that runs without ilk: ONNX, or a `torch.export` program.

The file is written only when, loaded again, it gives the encoder's own vectors.
"""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .. import files
from ..errors import EncoderMismatch, MissingExtra, OptionError
from ._base import Encoder
from ._embed import encode

if TYPE_CHECKING:
    from torch.export import ExportedProgram

NEAR = 1e-4  # of the vectors' own size
WRITERS = (".onnx", ".pt2")


def export(encoder: Encoder, path: str | os.PathLike[str], *, channels: int, size: int) -> float:
    """Writes NAME.onnx or NAME.pt2, for any number of pictures (channels, size, size) as in `Source.batch`.

    Returns by how much its vectors differ from the encoder's, of their own size: at most 1e-4.
    """
    path = Path(path)
    if path.suffix not in WRITERS:
        raise OptionError(f"an encoder cannot be written as {path.name}", "Name a .onnx or a .pt2 file.")
    x = torch.rand(7, channels, size, size, generator=torch.Generator().manual_seed(0))
    write, load = (_onnx, _from_onnx) if path.suffix == ".onnx" else (_pt2, _from_pt2)
    try:
        with _quiet():
            data = write(_traced(encoder, x[:4]))
            again = load(data)(x)
    except (ImportError, MissingExtra, OptionError):
        raise
    except Exception as e:  # whatever torch's exporters raise: they have no common ancestor
        why = str(e).strip().partition("\n")[0] or repr(e)
        raise OptionError(f"{type(encoder).__name__} cannot be written as {path.name}: {why}") from e
    own = encode(encoder, x)
    apart = float((again.detach() - own).abs().max() / own.abs().max().clamp(min=1e-12))
    if not apart <= NEAR:
        raise EncoderMismatch(
            f"{path.name} would give vectors that differ by {apart:.1g} of their size from the encoder's",
            "It was not written. Keep the encoder as it is, in its space.",
        )
    files.write(path, data)
    return apart


def _traced(encoder: Encoder, x: Tensor) -> ExportedProgram:
    """The encoder's graph of operations, for any number of pictures."""
    was_training = encoder.training
    encoder.eval()
    try:
        with torch.no_grad():
            return torch.export.export(
                encoder.cpu(), (x,), dynamic_shapes=({0: torch.export.Dim("pictures")},), strict=False
            )
    finally:
        encoder.train(was_training)


def _onnx(program: ExportedProgram) -> bytes:
    try:
        import onnxscript  # noqa: F401 (torch.onnx needs it, and says so less clearly)
    except ImportError as e:
        raise MissingExtra("onnxscript", "onnx", "writing ONNX") from e
    made = torch.onnx.export(program, dynamo=True, verbose=False, input_names=["x"], output_names=["vector"])
    assert made is not None
    return bytes(made.model_proto.SerializeToString())


def _from_onnx(data: bytes) -> Callable[[Tensor], Tensor]:
    from .onnx import session

    ready = session(data, "what was written")
    return lambda x: torch.from_numpy(ready.run(None, {"x": x.numpy()})[0])


def _pt2(program: ExportedProgram) -> bytes:
    out = io.BytesIO()
    torch.export.save(program, out)
    return out.getvalue()


def _from_pt2(data: bytes) -> Callable[[Tensor], Tensor]:
    return torch.export.load(io.BytesIO(data)).module()  # our own bytes of a moment ago


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporters' remarks on torchvision and on torch's own insides."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
