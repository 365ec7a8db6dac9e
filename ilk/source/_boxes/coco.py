"""COCO's JSON: images, annotations with `bbox` [x, y, width, height], categories (Lin et al. 2014)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import DataError
from .._base import Skipped
from .labels import THING, Label, Labels, numbers


def read(path: Path) -> Labels:
    try:
        held = json.loads(path.read_bytes())
        images = {i["id"]: str(i["file_name"]) for i in held["images"]}
        names = {c["id"]: str(c["name"]) for c in held.get("categories", [])}
        annotations = list(held["annotations"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as e:
        what = f"no {e}" if isinstance(e, KeyError) else str(e)
        raise DataError(
            f"{path} cannot be read as COCO: {what}", "Expected images, annotations, categories."
        ) from e
    out = Labels(pictures=list(images.values()), classes=list(names.values()))
    for place, annotation in enumerate(annotations):
        _add(out, annotation, f"{path.name} annotation {place}", images, names)
    return out


def _add(out: Labels, annotation: Any, at: str, images: dict[Any, str], names: dict[Any, str]) -> None:
    try:
        if annotation.get("iscrowd"):
            raise ValueError("a crowd, not one thing")
        x, y, wide, high = numbers(annotation["bbox"], 4)
        picture = images[annotation["image_id"]]
        kind = names[annotation["category_id"]] if names else THING
    except KeyError as e:
        missing = str(e).strip("'") in ("bbox", "image_id", "category_id")
        out.broken.append(Skipped(at, f"no {e}" if missing else f"there is no picture or category {e}"))
    except (ValueError, TypeError, AttributeError) as e:
        out.broken.append(Skipped(at, str(e)))
    else:
        out.things.append(Label(picture, (x, y, x + wide, y + high), kind, at))
