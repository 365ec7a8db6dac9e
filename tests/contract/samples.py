"""Real data for the contract suites, and how each member is made.

A new kind of data adds a row to SOURCES; an encoder whose constructor cannot be called with traits alone,
or that is large unless told otherwise, adds a row to SPECIAL. Nothing else in the suites knows any member by
name.
"""

import inspect
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from ilk import encoders, find, objectives
from ilk.encoders import Encoder, TokenEncoder
from ilk.encoders.orbit import Orbit
from ilk.encoders.projected import project
from ilk.find import construct
from ilk.objectives import ClosedForm, Objective
from ilk.source import Source
from ilk.source.images import Images


def images(channels: int = 1, size: int = 16, n: int = 64) -> Images:
    """Handwritten digits, enlarged; the further channels the same with less contrast, turned, mirrored."""
    digits = load_digits().images[:n]  # (n, 8, 8), 0 to 16
    change = (np.copy, np.sqrt, np.rot90, np.fliplr, np.flipud, np.transpose, np.cbrt)[:channels]
    small = np.stack([np.stack([f(d) for f in change]) for d in digits]) * 15  # (n, C, 8, 8)
    at = np.arange(size) * 8 // size
    return Images(small[:, :, at][..., at].astype(np.uint8), [f"digit-{i}" for i in range(n)])


def flat(source: Source) -> Images:
    """The same number of pictures, all of one even grey: nothing to learn, and no reason to fail."""
    assert isinstance(source, Images)
    return Images(np.full_like(source.pixels, 100), source.ids)


SOURCES: dict[str, list[Callable[[], Source]]] = {  # keyword that tells the kind of data -> sources of it
    "channels": [images, partial(images, 3, 24), partial(images, 5)],
}
REFUSED = {"colorize": 1}  # objective -> so many of these sources it has a reason not to take
VIT: dict[str, Any] = {  # a model of `transformers` without its files: first weights
    "name": "tiny",
    "config": {
        **{"model_type": "vit", "image_size": 16, "patch_size": 4, "hidden_size": 16},
        **{"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    },
    "preprocessing": {"side": 16, "mean": [0.3], "std": [0.4]},
}
SPECIAL: dict[str, Callable[[Source], Encoder]] = {
    "hub": lambda source: encoders.build("hub", source.traits, model=seeing(source), tune=True),
    "onnx": lambda source: encoders.build("onnx", source.traits, model=exported(source)),
    "orbit": lambda source: Orbit(encoders.build("convnet", source.traits, width=4), turns=8),
    "projected": lambda source: project(encoders.build("pixels", source.traits), source, 12),
    "bent": lambda source: encoders.build("bent", {"encoder": encoder("projected", source), "width": 16}),
    "quantised": lambda source: encoders.build("quantised", {"encoder": encoder("vit", source)}, codes=16),
    "resnet": lambda source: encoders.build("resnet", source.traits, width=4),
    "vgg": lambda source: encoders.build("vgg", source.traits, width=4),
    "vit": lambda source: encoders.build("vit", source.traits, width=32, depth=2, heads=2, patch=4),
}
SMALL = {"width": 8, "prototypes": 64, "queue": 64, "narrow": 2}  # options of objectives that make them small
OPTIONS: dict[str, Callable[[Source], dict[str, Any]]] = {  # of closed forms that need one, or take long
    "pretrained": lambda source: {"model": seeing(source)},
    "shaded": lambda source: {"steps": 50},
}


def seeing(source: Source) -> dict[str, Any]:
    torch.manual_seed(0)
    return VIT | {"config": VIT["config"] | {"num_channels": source.traits["channels"]}}


def exported(source: Source) -> str:
    """A file that another tool wrote: the pixels times a matrix."""
    from onnx import TensorProto, helper, save

    shape = [source.traits["channels"], source.traits["size"], source.traits["size"]]
    weights = np.random.default_rng(0).normal(size=(int(np.prod(shape)), 6)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *size])
        for name, size in (("x", shape), ("y", [6]))
    ]
    held = helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.tobytes(), raw=True)
    graph = helper.make_graph(nodes, "pixels", ends[:1], ends[1:], [held])
    path = Path(tempfile.mkdtemp()) / "pixels.onnx"
    save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), path)
    return str(path)


def sources(cls: type[Any]) -> list[Callable[[], Source]]:
    """Sources of the kind that `cls` is for: pictures where its constructor does not tell."""
    named = inspect.signature(cls).parameters
    every = next((made for keyword, made in SOURCES.items() if keyword in named), SOURCES["channels"])
    return every[REFUSED.get(cls.__module__.rpartition(".")[2], 0) :]


def encoder(name: str, source: Source) -> Encoder:
    return SPECIAL[name](source) if name in SPECIAL else encoders.build(name, source.traits)


def objective(cls: type[Objective], source: Source) -> Objective:
    """Around a small encoder of the kind it asks for; what else it owns is small too where it can be."""
    if inspect.signature(cls).parameters["encoder"].annotation is TokenEncoder:
        small = encoders.build("vit", source.traits, dim=16, width=32, depth=2, heads=2, patch=4)
    else:
        small = encoders.build("convnet", source.traits, dim=16, width=8)
    known = find.parameters(cls)
    return construct(cls, {k: v for k, v in SMALL.items() if k in known}, {"encoder": small, **source.traits})


def solved(name: str, source: Source, seed: int = 0) -> Encoder:
    cls = objectives.find(name)
    assert issubclass(cls, ClosedForm)
    options = OPTIONS[name](source) if name in OPTIONS else {}
    return construct(cls, options, source.traits).solve(source, seed=seed)


def closed_forms() -> list[str]:
    return [name for name in objectives.names() if issubclass(objectives.find(name), ClosedForm)]
