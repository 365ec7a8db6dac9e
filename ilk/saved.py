"""Networks on disk: NAME.json (format, class, keywords) + NAME.safetensors. Data, never code.

NAME is the kind of network: an Encoder is saved as `encoder.*`, and its class is found in `ilk.encoders`.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from . import files
from .errors import FormatError
from .find import find, keywords, names

FORMAT = 1
M = TypeVar("M", bound=nn.Module)


def describe(network: nn.Module) -> dict[str, Any]:
    """Class and keywords as JSON; a network within a network is described in its place."""

    def plain(value: Any) -> Any:
        return describe(value) if isinstance(value, nn.Module) else value

    return {"class": _name(type(network)), "keywords": {k: plain(v) for k, v in keywords(network).items()}}


def fingerprint(network: nn.Module) -> str:
    """Sixteen hex digits that two networks share only when class, keywords and weights are the same."""
    digest = hashlib.sha256(json.dumps(describe(network), sort_keys=True).encode())
    digest.update(save_tensors(_tensors(network)))
    return digest.hexdigest()[:16]


def save(network: nn.Module, folder: Path, kind: type[nn.Module]) -> None:
    """Weights first, description last, each by rename: a reader sees the old or the new, never half."""
    name = kind.__name__.lower()
    folder.mkdir(parents=True, exist_ok=True)
    files.write(folder / f"{name}.safetensors", save_tensors(_tensors(network)))
    files.write(
        folder / f"{name}.json", json.dumps({"format": FORMAT, **describe(network)}, indent=1).encode()
    )


def load(folder: Path, kind: type[M]) -> M:
    """The network of that kind in `folder`. A class from outside ilk must have been imported before."""
    name = kind.__name__.lower()
    try:
        description = json.loads((folder / f"{name}.json").read_bytes())
        tensors = load_tensors((folder / f"{name}.safetensors").read_bytes())
        if description["format"] > FORMAT:
            raise FormatError(
                f"{folder / name}.json has format {description['format']}; this ilk reads up to {FORMAT}"
            )
        network = _build(description, kind)
        network.load_state_dict(tensors)
    except FileNotFoundError as e:
        raise FormatError(
            f"no {name} in {folder}", f"Expected {name}.json and {name}.safetensors there."
        ) from e
    except (ValueError, KeyError, TypeError, RuntimeError, AttributeError, SafetensorError) as e:
        raise FormatError(f"the {name} in {folder} is damaged: {e}") from e
    return network.eval()


def _build(description: dict[str, Any], kind: type[M]) -> M:
    def alive(value: Any) -> Any:
        return (
            _build(value, kind)
            if isinstance(value, dict) and value.keys() == {"class", "keywords"}
            else value
        )

    return _class(description["class"], kind)(**{k: alive(v) for k, v in description["keywords"].items()})


def _class(name: str, kind: type[M]) -> type[M]:
    # Only ilk's own files are imported by name: importing what a file names would execute data.
    package = f"ilk.{kind.__name__.lower()}s"
    if name in names(package):
        return find(package, kind.__name__.lower(), name, kind)
    for known in reversed(_descendants(kind)):  # of a file that was run again, the latest
        if _name(known) == name:
            return known
    raise FormatError(
        f"{kind.__name__} class {name!r} is not known",
        "Import the module that defines it (on the command line: ilk --use FILE.py ...), then try again.",
    )


def _descendants(cls: type[M]) -> list[type[M]]:
    return [d for child in cls.__subclasses__() for d in [child, *_descendants(child)]]


def _name(cls: type) -> str:
    package, _, module = cls.__module__.rpartition(".")
    return module if package.startswith("ilk.") else f"{cls.__module__}:{cls.__qualname__}"


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return {k: v.detach().cpu().contiguous().clone() for k, v in network.state_dict().items()}
