"""Verbs of a space's encoder: take it out, look inside it."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Json, SpacePath, app
from ._arguments import open_space
from ._printing import Output


@app.command(name="export-encoder")
def export_encoder(
    space: SpacePath,
    to: Annotated[Path, typer.Argument(help="A .onnx file, or a .pt2 file (torch.export).")],
    json: Json = False,
) -> None:
    """Write the encoder as a file that runs without ilk, checked to give the same vectors."""
    output = Output(json)
    from ..encoders import export
    from ..errors import DataError

    opened = open_space(space)
    channels, size = opened.reading.get("channels"), opened.reading.get("size")
    if not isinstance(channels, int) or not isinstance(size, int):
        raise DataError(f"{space} is no space of pictures", "Only their encoders can be written yet.")
    apart = export(opened.encoder, to, channels=channels, size=size)
    takes = f"pictures (any number, {channels}, {size}, {size}), float32, as read"
    output.facts({"written": str(to), "takes": takes, "gives": opened.dim, "differs by": apart})


@app.command()
def inside(
    space: SpacePath,
    query: Annotated[str, typer.Argument(help="An id of the space, a file, or words of a text.")],
    to: Annotated[Path, typer.Option(help="A .png file.")] = Path("inside.png"),
    cells: Annotated[int, typer.Option(help="Covered one by one, so many a side of a picture.")] = 8,
    json: Json = False,
) -> None:
    """Draw what the encoder looks at in a picture or text: attention or maps, where the vector comes from."""
    output = Output(json)
    from ..view.inside import inside

    output.facts({"written": str(inside(open_space(space), query, to, cells=cells))})
