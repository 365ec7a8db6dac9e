"""Published models of `transformers`: a name or folder becomes a network, and how it wants what it sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from ..errors import DataError, FormatError, MissingExtra, OptionError

FOLDER = (
    "Give a folder with config.json, model.safetensors and preprocessor_config.json, or a name on the hub."
)
TEXTS = "Give a folder with config.json, model.safetensors and tokenizer.json, or a name on the hub."
UNUSED = ("pooler.dense", "text_model", "mask_token")  # of the classifier, of the other half, of training


def describe(model: str) -> dict[str, Any]:
    """What must be known to build the network again without its files: config and preprocessing."""
    _library()
    from transformers import AutoConfig
    from transformers.image_processing_base import ImageProcessingMixin

    if Path(model).expanduser().is_dir():
        model = str(Path(model).expanduser())
    elif model.startswith((".", "/", "~")):
        raise DataError(f"no folder {model}", FOLDER)
    local = Path(model).is_dir()
    try:
        config = AutoConfig.from_pretrained(model, local_files_only=local, trust_remote_code=False)
        wish, _ = ImageProcessingMixin.get_image_processor_dict(model, local_files_only=local)
    except (OSError, ValueError, KeyError) as e:
        raise DataError(f"no pretrained vision model {model}: {_line(e)}", FOLDER) from e
    config = getattr(config, "vision_config", config)  # of a model of pictures and texts, the half that sees
    plain = json.loads(config.to_json_string())
    if plain["model_type"] == "vit_mae":  # would hide most patches; the encoder in it is a ViT
        plain["model_type"] = "vit"
    return {
        "name": model,
        "config": plain,
        "preprocessing": _preprocessing(wish, model),
    }


def describe_text(model: str) -> dict[str, Any]:
    """The same of a model of texts: config, vocabulary, and how its tokens become a vector."""
    _library()
    from transformers import AutoConfig
    from transformers.utils import cached_file

    folder = Path(model).expanduser()
    if not folder.is_dir() and model.startswith((".", "/", "~")):
        raise DataError(f"no folder {model}", TEXTS)
    name, local = str(folder) if folder.is_dir() else model, folder.is_dir()

    def told(file: str) -> Any:
        found = cached_file(name, file, local_files_only=local, _raise_exceptions_for_missing_entries=False)
        return json.loads(Path(found).read_text()) if found else None

    try:
        config = json.loads(
            AutoConfig.from_pretrained(name, local_files_only=local, trust_remote_code=False).to_json_string()
        )
        tokenizer, pool, limit = map(
            told, ("tokenizer.json", "1_Pooling/config.json", "sentence_bert_config.json")
        )
        steps = told("modules.json") or []
    except (OSError, ValueError, KeyError) as e:
        raise DataError(f"no pretrained model of texts {model}: {_line(e)}", TEXTS) from e
    if tokenizer is None or "hidden_size" not in config:
        raise FormatError(f"{model} lacks a tokenizer.json, or is no model of texts", TEXTS)
    length = (limit or {}).get("max_seq_length") or config.get("max_position_embeddings", 512)
    return {
        "name": name,
        "config": config,
        "tokenizer": json.dumps(tokenizer),
        "pool": "cls" if (pool or {}).get("pooling_mode_cls_token") else "mean",
        "length": min(int(length), 512),
        "unit": any(str(step.get("type", "")).endswith("Normalize") for step in steps),
    }


def _preprocessing(wish: dict[str, Any], model: str) -> dict[str, Any]:
    """Side, mean and spread. What the model's own way would crop, is kept: the whole picture is resized."""
    size = wish.get("crop_size") if wish.get("do_center_crop") else wish.get("size")
    side = next(iter(size.values())) if isinstance(size, dict) and size else size
    plain = not wish.get("do_normalize", True)
    mean = [0.0] if plain else wish.get("image_mean")
    spread = [1.0] if plain else wish.get("image_std")
    if not (isinstance(side, int) and isinstance(mean, list) and isinstance(spread, list)):
        do = 'It needs "size", "image_mean" and "image_std": 224, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5].'
        raise FormatError(
            f"the preprocessor_config.json of {model} does not say how pictures are prepared", do
        )
    return {"side": side, "mean": mean, "std": spread}


def blank(name: str, config: dict[str, Any], takes: str = "pixel_values") -> nn.Module:
    """The network with first weights, for others to be put in."""
    _library()
    from transformers import AutoConfig, AutoModel

    try:
        network = AutoModel.from_config(AutoConfig.for_model(**config), trust_remote_code=False)
    except (ValueError, TypeError, KeyError) as e:
        raise FormatError(f"the model {name} cannot be built: {_line(e)}", "Is transformers recent?") from e
    return _ready(network, name, takes)


def weighted(name: str, config: dict[str, Any], takes: str = "pixel_values") -> nn.Module:
    """The network with its published weights, from safetensors only; no code comes with it."""
    _library()
    from transformers import AutoConfig, AutoModel

    try:
        network, found = AutoModel.from_pretrained(
            name,
            config=AutoConfig.for_model(**config),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=Path(name).is_dir(),
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as e:
        raise DataError(f"the weights of {name} cannot be loaded: {_line(e)}", FOLDER) from e
    missing = sorted(name for name in found["missing_keys"] if not any(part in name for part in UNUSED))
    if missing:
        raise FormatError(
            f"{name} lacks {len(missing)} of its weights ({missing[0]}, ...): they would be random", FOLDER
        )
    return _ready(network.float(), name, takes)


@contextmanager
def telling(network: Any) -> Iterator[None]:
    """Its attention is made in the only way that keeps the weights."""
    kept = network.config._attn_implementation
    network.set_attn_implementation("eager")
    try:
        yield
    finally:
        network.set_attn_implementation(kept)


def _ready(network: Any, name: str, takes: str) -> nn.Module:
    if network.main_input_name != takes:
        wanted, of = ("pictures", "vision model") if takes == "pixel_values" else ("text", "model of texts")
        raise OptionError(f"{name} takes {network.main_input_name}, not {wanted}", f"Give a {of}.")
    if "pooler.dense.weight" in network.state_dict():
        network.pooler = None  # of ViT and DeiT: made for a classifier, and often absent from the weights
    for part, p in network.named_parameters():
        p.requires_grad_("mask_token" not in part)
    ready: nn.Module = network.eval()
    return ready


def _library() -> None:
    try:
        import transformers
    except ImportError as e:
        raise MissingExtra("transformers", "hub", "a pretrained model") from e
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def _line(e: Exception) -> str:
    return str(e).strip().partition("\n")[0] or repr(e)
