"""Pages that are written from the code: the commands, a page a method, the names in Python, the examples.

mkdocs calls `on_config` and `on_files` before it builds the site, and `on_post_build` after.
"""

import csv
import html
import inspect
import json
import re
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from typer.testing import CliRunner

import ilk
from ilk import cli, encoders, objectives

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "recipes" / "results.csv"
KINDS = (
    ("Ways of learning", "ways", objectives, "--objective"),
    ("Networks", "networks", encoders, "--encoder"),
)
EXAMPLES = {
    "your_photos": "Your own photos",
    "black_holes": "Black holes",
    "text": "Find a function by what it does",
    "graph": "Who appears with whom",
}


def on_config(config: Any) -> Any:
    """Each method and each example has its place in the navigation."""
    for section in config["nav"]:
        if "Methods" in section:
            for title, folder, package, _ in KINDS:
                pages: list[Any] = [{name: f"{folder}/{name}.md"} for name in package.names()]
                section["Methods"].append({title: pages})
        if "Examples" in section:
            section["Examples"] += [{title: f"examples/{name}.md"} for name, title in EXAMPLES.items()]
    return config


def on_files(files: Files, config: Any) -> Files:
    pages = {"commands.md": commands(), "methods.md": methods(), "api.md": names()}
    for _, folder, package, option in KINDS:
        pages |= {f"{folder}/{name}.md": method(name, package.find(name), option) for name in package.names()}
    for name in EXAMPLES:
        pages[f"examples/{name}.md"] = example(ROOT / "examples" / f"{name}.ipynb")
    for name, text in pages.items():
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
    """All of them in two tables."""
    parts = ["# Methods\n\nEvery way of learning (`ilk learn --objective NAME`) and every network "]
    parts.append(
        "(`--encoder NAME`), a page each. Where the figures on them come from: [results](results.md).\n"
    )
    for title, folder, package, _ in KINDS:
        parts.append(f"\n## {title}\n\n| Name | What it is |\n|---|---|\n")
        for name in package.names():
            what = _told(package.find(name)).partition("\n")[0]
            parts.append(f"| [{name}]({folder}/{name}.md) | {what} |\n")
    return "".join(parts)


def method(name: str, cls: type, option: str) -> str:
    """What it is, when to use it, how, what it costs and brings, recipes, references."""
    told = "\n\n".join(part for part in (_told(cls), inspect.getdoc(cls) or "") if part)
    parts = [f"# {name}\n\n{_listed(told)}\n"]
    if when := _when(name):
        parts.append(f"\n## When\n\n{when}")
    data = "GRAPH" if "graph" in told.lower() else "DATA"
    parts.append(f"\n## How\n\n```console\n$ ilk learn {data} {option} {name}\n```\n\n{_options(cls)}")
    if rows := [r for r in _results() if r["objective"] == name]:
        parts.append(f"\n## What it costs and brings\n\n{_figure(name)}\n\n{_scores(rows)}")
    if recipes := _recipes(name):
        parts.append(f"\n## Recipes\n\n{recipes}")
    file = Path(inspect.getfile(cls)).relative_to(ROOT)
    cited = sorted(set(re.findall(r"[A-Z][\w'-]+(?: (?:&|et al\.)(?: [A-Z][\w'-]+)?)? (?:19|20)\d\d", told)))
    parts.append(f"\n## Reference\n\n{'; '.join([*cited, f'`{file}`'])}\n")
    return "".join(parts)


def _told(cls: type) -> str:
    """What its file says at its head."""
    return (inspect.getdoc(inspect.getmodule(cls)) or "").strip()


def _listed(text: str) -> str:
    """Keywords that are lined up in columns, as a list."""
    return re.sub(r"^(\w+(?:, \w+)*) {2,}(\S.*)$", r"- `\1`: \2", text, flags=re.MULTILINE)


@cache
def _tables() -> list[tuple[str, list[str], list[str]]]:
    """Page, heads, cells: every line of the pages' tables that begins with names in backticks."""
    found = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        lines = page.read_text().splitlines()
        for is_table, group in groupby(lines, key=lambda line: line.startswith("|")):
            rows = (
                [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in group]
                if is_table
                else []
            )
            found += [(page.name, rows[0], row) for row in rows[1:] if row[0].startswith("`")]
    return found


def _when(name: str) -> str:
    """What the pages' tables say of it."""
    parts = []
    for page, heads, cells in _tables():
        if name in re.findall(r"`([^`]+)`", cells[0]):
            said = (f"{head.lower()}: {cell}" if head else cell for head, cell in zip(heads[1:], cells[1:]))
            text = re.sub(r"\]\((?!\w+:)", "](../", "; ".join(said))  # links are from the page's folder
            parts.append(f"- {text} ([more](../{page}))\n")
    return "".join(dict.fromkeys(parts))


def _options(cls: type) -> str:
    options = [p for p in inspect.signature(cls).parameters.values() if p.default is not p.empty]
    shown = ", ".join(f"`--{p.name.strip('_').replace('_', '-')} {p.default}`" for p in options)
    return f"Options, with what they are where nothing is said: {shown}.\n" if shown else ""


@cache
def _results() -> list[dict[str, str]]:
    with RESULTS.open() as f:
        return list(csv.DictReader(f))


def _scores(rows: list[dict[str, str]]) -> str:
    head = "| data | minutes | dimensions | 20 neighbours | linear | seed |\n|---|---|---|---|---|---|\n"
    lines = (
        f"| {r['data']} | {r['minutes'] or 'none'} | {r['dim']} | {float(r['knn'] or 'nan'):.3f} "
        f"| {float(r['linear'] or 'nan'):.3f} | {r['seed']} |\n"
        for r in rows
    )
    return head + "".join(lines)


def _figure(name: str) -> str:
    """By data: this method among all the others, by what 20 neighbours tell."""
    known = [r for r in _results() if r["knn"]]
    mine = {r["data"] for r in known if r["objective"] == name}
    if not mine:
        return ""
    data = [d for d in dict.fromkeys(r["data"] for r in known) if d in mine]
    marks = []
    for y, of in enumerate(data):
        marks.append(f'<text x="128" y="{30 * y + 24}" text-anchor="end">{html.escape(of)}</text>')
        for ours in (False, True):
            for r in known:
                if r["data"] == of and (r["objective"] == name) == ours:
                    x, colour = 140 + 400 * float(r["knn"]), "#009485" if ours else "#8888"
                    marks.append(
                        f'<circle cx="{x:.0f}" cy="{30 * y + 20}" r="{6 if ours else 4}" fill="{colour}">'
                        f"<title>{r['objective']} {float(r['knn']):.3f}</title></circle>"
                    )
    high = 30 * len(data) + 30
    axis = "".join(
        f'<text x="{140 + 400 * t}" y="{high}" text-anchor="middle">{t}</text>' for t in (0, 0.5, 1)
    )
    return (
        f'<svg viewBox="0 0 580 {high + 6}" width="580" font-size="13" fill="currentColor" role="img" '
        f'aria-label="{name} among the others">{"".join(marks)}{axis}</svg>\n\n'
        "Green: this method; grey: all others. How much of the labels (or R2) 20 neighbours tell."
    )


def _recipes(name: str) -> str:
    found = []
    for path in sorted((ROOT / "recipes").glob("*.py")):
        text = path.read_text()
        if re.search(rf"[\"']{re.escape(name)}[\"']", text):
            what = text.partition('"""')[2].partition('"""')[0].strip().splitlines()[0]
            found.append(f"- `python -m recipes.{path.stem}`: {what}\n")
    return "".join(found)


def example(path: Path) -> str:
    """A notebook as a page: its text, its code, and what the code showed."""
    parts = []
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts += [_shown(output) for output in cell.get("outputs", [])]
    parts.append(f"The notebook itself: `examples/{path.name}`.")
    return "\n\n".join(parts) + "\n"


def _shown(output: dict[str, Any]) -> str:
    if "text" in output:
        return f"```text\n{''.join(output['text']).rstrip()}\n```"
    data = output["data"]
    if "image/png" in data:
        return f'<img src="data:image/png;base64,{data["image/png"].strip()}" alt="what the cell shows">'
    return str(data.get("text/html", f"```text\n{data.get('text/plain', '')}\n```"))


def names() -> str:
    parts = ["# Python\n\nAll of `import ilk`. Each name is imported when it is first asked for.\n"]
    parts += [f"\n::: ilk.{name}\n" for name in ilk.__all__ if not name.startswith("_")]
    return "".join(parts)
