"""An encoder that somebody exported as ONNX, run by ONNX Runtime: extra `onnx`.

Legend: B batch, C channels, H x W pixels, D dimensions.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError, FormatError, MissingExtra, OptionError
from ._base import Encoder


class Onnx(Encoder):
    """`model`: a file with one input, float32 pictures (B, C, H, W), whose first output is vectors (B, D).

    It learns nothing more. Saved, it needs the file no longer: `model` is then the description that stands
    in for its path. `channels` and `size`: of the pictures, to find now what would not fit.
    """

    def __init__(
        self, model: str | dict[str, Any] = "", channels: int | None = None, size: int | None = None
    ) -> None:
        super().__init__()
        if not model:
            raise OptionError("no model named", "Give model, the path of a .onnx file.")
        data = _read(model) if isinstance(model, str) else None
        about = _described(data, str(model)) if data is not None else dict(model)  # type: ignore[arg-type]
        self.model: dict[str, Any] = about if data is not None else model  # type: ignore[assignment]
        self.channels, self.size = channels, size
        for what, given, wanted in (
            ("channels", channels, about["channels"]),
            ("pixels", size, about["size"]),
        ):
            if given is not None and wanted is not None and given != wanted:
                do = f"Read the pictures with {wanted} {what}."
                raise OptionError(f"{about['name']} takes {wanted} {what}; the pictures have {given}", do)
        self.dim: int = about["dim"]
        blank = bytearray(about["bytes"]) if data is None else bytearray(data)
        self.register_buffer("program", torch.frombuffer(blank, dtype=torch.uint8))
        self.program: Tensor
        self._session: Any = None

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, D)
        if torch.compiler.is_exporting():
            raise OptionError(f"{self.model['name']} is an ONNX file already", "Use that file itself.")
        if self._session is None:
            self._session = session(self.program.cpu().numpy().tobytes(), self.model["name"])
        return torch.from_numpy(_run(self._session, x.detach().cpu().numpy())).to(x.device)

    def __getstate__(self) -> dict[str, Any]:
        """A copy makes a session of its own."""
        return self.__dict__ | {"_session": None}


def session(data: bytes, name: str) -> Any:
    try:
        import onnxruntime
    except ImportError as e:
        raise MissingExtra("onnxruntime", "onnx", "running an ONNX file") from e
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as e:  # onnxruntime's errors derive from nothing nearer
        raise FormatError(f"{name} is no ONNX model that can be run: {e}") from e


def _read(model: str) -> bytes:
    path = Path(model).expanduser()
    if not path.is_file():
        raise DataError(f"no file {model}", "Give the path of a .onnx file.")
    return path.read_bytes()


def _described(data: bytes, name: str) -> dict[str, Any]:
    """What must be known before the file's bytes are there again."""
    ready = session(data, name)
    inputs = ready.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)":
        found = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
        raise FormatError(f"{name} takes {found}", "Expected one input, float32 pictures (B, C, H, W).")
    batch, channels, _, size = (n if isinstance(n, int) else None for n in inputs[0].shape)
    if batch not in (None, 1):
        raise FormatError(f"{name} takes {batch} pictures at a time", "Export it for any number, or for one.")
    out = _run(ready, np.zeros((1, channels or 1, size or 64, size or 64), np.float32))
    if out.ndim != 2:
        raise FormatError(f"{name} gives {out.shape} for one picture", "Expected one vector: (1, D).")
    known = {"channels": channels, "size": size, "dim": out.shape[1]}
    return {"name": Path(name).name, "bytes": len(data), **known}


def _run(ready: Any, x: np.ndarray) -> np.ndarray:
    only = ready.get_inputs()[0]
    parts = np.split(x, len(x)) if only.shape[0] == 1 else [x]  # made for one picture: one at a time
    return np.concatenate([ready.run(None, {only.name: part})[0] for part in parts])
