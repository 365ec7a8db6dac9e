"""Pages that are written from the code: the commands, the methods, the names in Python.

mkdocs calls `on_files` before it builds the site, and `on_post_build` after.
"""

import csv
import inspect
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from typer.testing import CliRunner

import ilk
from ilk import cli, encoders, objectives

RESULTS = Path(__file__).parents[1] / "recipes" / "results.csv"


def on_files(files: Files, config: Any) -> Files:
    for name, text in {"commands.md": commands(), "methods.md": methods(), "api.md": names()}.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_post_build(config: Any) -> None:
    """What a page asks for from elsewhere would be missing without a network, and told to others with one."""
    asks = re.compile(r"<(?:script|img|link rel=\"stylesheet\")[^>]*(?:src|href)=\"(?:https?:)?//[^\"]*")
    for page in Path(config["site_dir"]).rglob("*.html"):
        if found := asks.search(page.read_text()):
            raise PluginError(f"{page} asks for {found[0]}")


def commands() -> str:
    parts = [
        "# Commands\n\nWhat `ilk COMMAND --help` prints. Each command has a function of the same name in "
    ]
    parts.append("[Python](api.md).\n")
    for name in verbs():
        shown = CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "100", "TERM": "dumb"})
        parts.append(f"\n## ilk {name}\n\n```text\n{shown.stdout.strip()}\n```\n")
    return "".join(parts)


def verbs() -> list[str]:
    """In the order of `ilk --help`."""
    found = [c.name or c.callback.__name__ for c in cli.app.registered_commands if c.callback is not None]
    return [name.replace("_", "-") for name in found]


def methods() -> str:
    """A section for each way of learning and each network: what it is, options, how it did."""
    found = list(csv.DictReader(RESULTS.open()))
    parts = ["# Methods\n\nEvery way of learning (`ilk learn --objective NAME`) and every network "]
    parts.append("(`--encoder NAME`). ")
    parts.append("The figures are those of [results](results.md), where the protocol stands.\n")
    for title, package in (("Ways of learning", objectives), ("Networks", encoders)):
        parts.append(f"\n## {title}\n")
        parts += [_method(name, package.find(name), found) for name in package.names()]
    return "".join(parts)


def _method(name: str, cls: type, results: list[dict[str, str]]) -> str:
    module = (inspect.getdoc(inspect.getmodule(cls)) or "").strip()
    what, _, rest = module.partition("\n")
    told = "\n\n".join(part for part in (what, rest.strip(), inspect.getdoc(cls) or "") if part)
    options = [p for p in inspect.signature(cls).parameters.values() if p.default is not p.empty]
    shown = ", ".join(f"`{p.name}={p.default}`" for p in options)
    offered = f"Options: {shown}.\n\n" if shown else ""
    return f"\n### {name}\n\n{told}\n\n{offered}{_scores(name, results)}"


def _scores(name: str, results: list[dict[str, str]]) -> str:
    rows = [r for r in results if r["objective"] == name]
    if not rows:
        return ""
    head = "| data | minutes | dimensions | 20 neighbours | linear | seed |\n|---|---|---|---|---|---|\n"
    lines = (
        f"| {r['data']} | {r['minutes'] or 'none'} | {r['dim']} | {float(r['knn'] or 'nan'):.3f} "
        f"| {float(r['linear'] or 'nan'):.3f} | {r['seed']} |\n"
        for r in rows
    )
    return head + "".join(lines)


def names() -> str:
    parts = ["# Python\n\nAll of `import ilk`. Each name is imported when it is first asked for.\n"]
    parts += [f"\n::: ilk.{name}\n" for name in ilk.__all__ if not name.startswith("_")]
    return "".join(parts)
