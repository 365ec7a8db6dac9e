"""A U-Net in the folders of the library diffusers: tensors by that library's names, the schedule as betas.

    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet")
    scheduler = DDIMScheduler.from_pretrained(folder, subfolder="scheduler")

What is handed over is the U-Net. It takes what is laid noise over: pixels cut into cells, or maps of the
autoencoder; tokens of what is told as `encoder_hidden_states`, and their mean as `class_labels`. These parts
have no twin there, so the whole model lies beside as ilk saves it.

Legend: n steps of the schedule.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from .. import files, saved
from ..encoders import Encoder
from ..encoders._noise import Schedule
from ..encoders._told import WIDTH
from ..encoders._unet import GROUPS, HEAD, INSTANTS
from ..encoders.unet import UNet

GUESSES = {"v": "v_prediction", "noise": "epsilon", "clean": "sample"}
UNTOLD = 8  # width of a context that nobody listens to: theirs always wants one
ENDS = {"time.0": "time_embedding.linear_1", "time.2": "time_embedding.linear_2", "told": "class_embedding"}
ENDS |= {"start": "conv_in", "even": "conv_norm_out", "paint": "conv_out"}
TIMED = {"even1": "norm1", "conv1": "conv1", "told": "time_emb_proj"}
TIMED |= {"even2": "norm2", "conv2": "conv2", "past": "conv_shortcut"}
MIXED = {"even": "norm", "into": "proj_in", "out": "proj_out"}


def export(unet: UNet, folder: Path) -> Path:
    with files.replacing_folder(folder) as new:
        _write(new / "unet", config(unet), tensors(unet))
        _json(new / "scheduler" / "scheduler_config.json", schedule(unet.noise, unet.guess))
        index = {
            "_class_name": "DiffusionPipeline",
            "unet": ["diffusers", "UNet2DConditionModel"],
            "scheduler": ["diffusers", "DDIMScheduler"],
        }
        _json(new / "model_index.json", index)
        saved.save(unet, new / "ilk", Encoder)
    return folder


def config(unet: UNet) -> dict[str, Any]:
    widths = [unet.width * 2**i for i in range(unet.levels)]
    last, cells = unet.levels - 1, unet.net.start.in_channels
    return {
        "_class_name": "UNet2DConditionModel",
        "sample_size": -(-unet.size // unet.cell) if unet.latent is None else unet.latent.cells,
        "in_channels": cells,
        "out_channels": cells,
        "down_block_types": ["CrossAttnDownBlock2D" if i == last else "DownBlock2D" for i in range(last + 1)],
        "up_block_types": ["CrossAttnUpBlock2D" if i == 0 else "UpBlock2D" for i in range(last + 1)],
        "block_out_channels": widths,
        "layers_per_block": 1,
        "norm_num_groups": GROUPS,
        "cross_attention_dim": UNTOLD if unet.told is None else WIDTH,
        "attention_head_dim": [max(1, w // HEAD) for w in widths],  # there: how many heads
        "use_linear_projection": True,
        "resnet_time_scale_shift": "scale_shift",
        "class_embed_type": None if unet.told is None else "simple_projection",
        "projection_class_embeddings_input_dim": None if unet.told is None else WIDTH,
    }


def schedule(noise: Schedule, guess: str) -> dict[str, Any]:
    """The share of noise that each of a thousand steps adds."""
    n = int(INSTANTS)
    left = noise.angle(torch.arange(n + 1, dtype=torch.float64) / n).cos() ** 2  # (n + 1,)
    return {
        "_class_name": "DDIMScheduler",
        "num_train_timesteps": n,
        "trained_betas": (1 - left[1:] / left[:-1]).tolist(),
        "prediction_type": GUESSES[guess],
        "clip_sample": False,
        "set_alpha_to_one": False,
        "timestep_spacing": "trailing",
    }


def tensors(unet: UNet) -> dict[str, Tensor]:
    """Under the names that diffusers gives them."""
    ours = {name: tensor.detach().cpu() for name, tensor in unet.net.state_dict().items()}
    timed, mixed, rest = _parts(unet.levels)
    names = ENDS | rest
    for parts, inner in ((timed, TIMED), (mixed, MIXED)):
        names |= {f"{a}.{x}": f"{b}.{y}" for a, b in parts.items() for x, y in inner.items()}
    found = {
        f"{theirs}.{end}": ours[f"{mine}.{end}"].contiguous().clone()
        for mine, theirs in names.items()
        for end in ("weight", "bias")
        if f"{mine}.{end}" in ours
    }
    for mine, theirs in mixed.items():
        found |= _block(ours, f"{mine}.block", f"{theirs}.transformer_blocks.0")
    return found


def _parts(levels: int) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Our parts and theirs: those told the time, those where cells look at each other, and steps between."""
    last = levels - 1
    timed = {"middle.0": "mid_block.resnets.0", "middle.2": "mid_block.resnets.1"}
    mixed = {"middle.1": "mid_block.attentions.0", f"down.{last}.mix": f"down_blocks.{last}.attentions.0"}
    rest = {f"down.{i}.halve": f"down_blocks.{i}.downsamplers.0.conv" for i in range(last)}
    rest |= {f"up.{i}.smooth": f"up_blocks.{i}.upsamplers.0.conv" for i in range(last)}
    timed |= {f"down.{i}.timed": f"down_blocks.{i}.resnets.0" for i in range(levels)}
    timed |= {f"up.{i}.timed.{k}": f"up_blocks.{i}.resnets.{k}" for i in range(levels) for k in range(2)}
    mixed |= {f"up.0.mix.{k}": f"up_blocks.0.attentions.{k}" for k in range(2)}
    return timed, mixed, rest


def _block(ours: dict[str, Tensor], mine: str, theirs: str) -> dict[str, Tensor]:
    """Ours has no biases, theirs has some: 0. Where ours has no context, theirs adds nothing of one."""
    found: dict[str, Tensor] = {}
    wide = ours[f"{mine}.attention.norm.weight"].shape[0]
    for i, branch in ((1, "attention"), (2, "cross")):
        norm = ours.get(f"{mine}.{branch}.norm.weight", torch.ones(wide))
        q, kv, out = (ours.get(f"{mine}.{branch}.work.{part}.weight") for part in ("q", "kv", "out"))
        q = torch.zeros(wide, wide) if q is None else q
        k, v = torch.zeros(2, wide, UNTOLD) if kv is None else kv.chunk(2)
        out = torch.zeros(wide, wide) if out is None else out
        found |= {f"{theirs}.norm{i}.weight": norm, f"{theirs}.norm{i}.bias": torch.zeros(wide)}
        at = f"{theirs}.attn{i}"
        found |= {f"{at}.to_q.weight": q, f"{at}.to_k.weight": k, f"{at}.to_v.weight": v}
        found |= {f"{at}.to_out.0.weight": out, f"{at}.to_out.0.bias": torch.zeros(wide)}
    up, down = (ours[f"{mine}.mlp.work.{i}.weight"] for i in (0, 2))
    # theirs multiplies what passes the gate by a second map of the cell: here by 1
    found |= {
        f"{theirs}.norm3.weight": ours[f"{mine}.mlp.norm.weight"],
        f"{theirs}.norm3.bias": torch.zeros(wide),
    }
    found |= {
        f"{theirs}.ff.net.0.proj.weight": torch.cat([torch.zeros_like(up), up]),
        f"{theirs}.ff.net.0.proj.bias": torch.cat([torch.ones(len(up)), torch.zeros(len(up))]),
        f"{theirs}.ff.net.2.weight": down,
        f"{theirs}.ff.net.2.bias": torch.zeros(wide),
    }
    return {name: tensor.contiguous().clone() for name, tensor in found.items()}


def _write(folder: Path, config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    _json(folder / "config.json", config)
    files.write(folder / "diffusion_pytorch_model.safetensors", save(tensors, {"format": "pt"}))


def _json(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, json.dumps(value, indent=1).encode())
