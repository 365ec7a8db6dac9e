"""A moment of a run as one file: the network, the optimiser and how far it got. Data, never code.

checkpoint.safetensors holds the tensors, and the record as JSON in its header: one file, replaced by one
rename, so that tensors and record cannot be of two different moments.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import files
from ..errors import FormatError
from .optimiser import trainable

FORMAT = 1
NAME = "checkpoint.safetensors"


def save(folder: Path, network: nn.Module, optimiser: Optimizer, record: dict[str, Any]) -> None:
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    for name, parameter in trainable(network):
        for key, value in optimiser.state[parameter].items():
            tensors[f"optimiser.{key}.{name}"] = value
    # Cloned: tied weights share memory, which the format does not know.
    plain = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    header = {"ilk": json.dumps({"format": FORMAT, **record})}
    files.write(folder / NAME, save_tensors(plain, header))


def load(folder: Path, network: nn.Module, optimiser: Optimizer) -> dict[str, Any] | None:
    """Puts the moment back and returns its record; None where there is no checkpoint."""
    path = folder / NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            record: dict[str, Any] = json.loads(file.metadata()["ilk"])
            tensors: dict[str, Tensor] = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        if record["format"] > FORMAT:
            raise FormatError(f"{path} has format {record['format']}; this ilk reads up to {FORMAT}")
        network.load_state_dict(_under("network.", tensors))
        _put(_under("optimiser.", tensors), network, optimiser)
    except (ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as e:
        raise FormatError(
            f"the checkpoint {path} is damaged or of another network: {e}",
            "Start anew with resume=False; the encoder kept in that folder is overwritten by it.",
        ) from e
    return record


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _put(tensors: dict[str, Tensor], network: nn.Module, optimiser: Optimizer) -> None:
    parameters = dict(trainable(network))
    for path, value in tensors.items():
        key, name = path.split(".", 1)
        parameter = parameters[name]
        # In the parameter's own memory layout, as the optimiser made it: channels-last stays fast.
        like = torch.empty_like(parameter) if value.shape == parameter.shape else torch.empty(value.shape)
        optimiser.state[parameter][key] = like.to(parameter.device, value.dtype).copy_(value)
