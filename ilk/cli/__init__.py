"""The command line: parse, call, print. Each verb has its twin of the same name in Python.

Heavy libraries are imported inside the verbs, so that help, version and usage errors answer at once.
A verb is a function in one of the files imported here; the order is that of the help.
"""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__, find
from ..errors import IlkError
from ._app import Stopped, app

# isort: split
from . import learn  # noqa: F401

# isort: split
from . import space  # noqa: F401

# isort: split
from . import analysis  # noqa: F401

# isort: split
from . import probe  # noqa: F401

# isort: split
from . import zeroshot  # noqa: F401

# isort: split
from . import recommend  # noqa: F401

# isort: split
from . import graphs  # noqa: F401

# isort: split
from . import finetune  # noqa: F401

# isort: split
from . import parts  # noqa: F401

# isort: split
from . import understand  # noqa: F401

# isort: split
from . import trust  # noqa: F401

# isort: split
from . import align  # noqa: F401

# isort: split
from . import words  # noqa: F401

# isort: split
from . import look  # noqa: F401

# isort: split
from . import report  # noqa: F401

# isort: split
from . import encoder  # noqa: F401

# isort: split
from . import detect  # noqa: F401

# isort: split
from . import generate  # noqa: F401

# isort: split
from . import edit  # noqa: F401

# isort: split
from . import posterior  # noqa: F401


@app.callback(invoke_without_command=True)
def _ilk(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    use: Annotated[
        list[Path], typer.Option(help="A Python file with an encoder of yours that a space was made with.")
    ] = [],  # noqa: B006 (read, never changed)
) -> None:
    if version:
        typer.echo(f"ilk {__version__}")
        raise typer.Exit
    for path in use:
        find.use(path)


def main() -> None:
    """The entry point: an error of ours is a message, not a traceback."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an id may hold what the terminal's encoding lacks
    try:
        app(prog_name="ilk")
    except (IlkError, OSError) as e:
        print(f"error: {e}", file=sys.stderr)
        sys.exit(1)
    except Stopped:
        print("Stopped. What was reported as done is kept; the same command goes on.", file=sys.stderr)
        sys.exit(130)
