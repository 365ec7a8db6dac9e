"""All that can be said of a space on one page, for somebody who was not there when it was made.

Pictures first; beside each, what its bars and bands mean and the command that makes it again. What cannot
be asked of a space (pictures, amounts, labels that it has not) is left out, and said.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .. import __version__, files
from ..console import progress
from ..errors import IlkError, OptionError, UnknownName
from . import _sections
from ._sections import Asked, Section
from .page import Folded, Heading, Page, Paragraph, Part, Points, Verdict

if TYPE_CHECKING:
    from ..space import Space

SECTIONS: dict[str, Callable[[Asked], Section]] = {
    "groups": _sections.groups,
    "odd": _sections.odd,
    "parameters": _sections.parameters,
    "products": _sections.products,
    "labels": _sections.labels,
    "invariance": _sections.invariance,
    "neighbours": _sections.neighbours,
    "duplicates": _sections.duplicates,
    "learning": _sections.learning,
}
ABOUT = """Every interval holds the true value in 95 of 100 cases unless its caption says otherwise.
p-values are corrected for the number of things that were asked. What is told of a column was told of
samples that had not been looked at. The page is made anew by the command below; the same seed gives the
same figures."""


@dataclass(frozen=True)
class Report:
    path: Path
    pdf: Path | None  # the same on paper
    says: dict[str, str]  # by section, what it comes to
    left_out: dict[str, str]  # and why

    def table(self) -> pa.Table:
        rows = [{"section": n, "says": s} for n, s in self.says.items()]
        rows += [{"section": n, "says": f"left out: {why}"} for n, why in self.left_out.items()]
        return pa.Table.from_pylist(rows)


def report(
    space: Space,
    to: str | os.PathLike[str] = "report.html",
    *,
    columns: Sequence[str] = (),
    label: str | None = None,
    units: Mapping[str, str] | None = None,
    data: Any = None,
    without: Sequence[str] = (),
    pdf: bool = False,
    seed: int = 0,
) -> Report:
    """One page of HTML that needs nothing else: groups, oddities, parameters, labels, trust, how it was made.

    columns  the amounts that are asked for [all of the metadata]
    label    the column of names that is asked for [the first that has few enough of them]
    units    of columns, as of `ilk dimensionless` (default: as their names say): then products without a
             unit are looked for
    data     the samples again, to change them and see what the encoder makes of it
    without  sections to leave out: groups, odd, parameters, products, labels, invariance, neighbours,
             duplicates, learning
    pdf      write the same as PDF, beside it
    """
    path = Path(to)
    if path.suffix.lower() not in (".html", ".htm"):
        raise OptionError(
            f"a report cannot be called {path.name}", "End its name in .html; --pdf puts a PDF beside it."
        )
    for name in without:
        if name not in SECTIONS:
            raise UnknownName("section", name, SECTIONS)
    on_paper = _pdf() if pdf else None
    asked = Asked(space, tuple(columns), label, dict(units or {}), data, seed)
    made: dict[str, Section] = {}
    left_out: dict[str, str] = {}
    with progress("report", len(SECTIONS) + 1) as bar:
        whole = _sections.whole(asked)
        bar.advance()
        for name, section in SECTIONS.items():
            if name not in without:
                try:
                    made[name] = section(asked)
                except IlkError as e:
                    left_out[name] = e.what
            bar.advance()
    given = [*asked.options(), *(f"--without={n}" for n in without), *(["--pdf"] if pdf else [])]
    command = asked.command("report", f"--to={path.name}", *given)
    page = Page(space.path.stem, _lead(space), _parts(command, whole, made, left_out), _facts(space))
    with files.room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    page.write(path)
    paper = None if on_paper is None else on_paper.write(page, path.with_suffix(".pdf"))
    return Report(path, paper, {name: s.says for name, s in made.items()}, left_out)


def _pdf() -> ModuleType:
    """What writes it, asked for before anything is worked out."""
    from . import pdf

    return pdf


def _parts(
    command: str, whole: Sequence[Part], made: dict[str, Section], left_out: dict[str, str]
) -> list[Part]:
    parts: list[Part] = [*whole, Points([(s.short or s.says, name) for name, s in made.items()])]
    for name, s in made.items():
        parts += [Heading(s.title, name), Verdict(s.says), *s.parts]
    parts += [Heading("How this page was made", "made"), Paragraph(" ".join(ABOUT.split()))]
    commands = [{"section": "all of it", "command": command}]
    commands += [{"section": s.title, "command": s.command} for s in made.values()]
    parts.append(pa.Table.from_pylist(commands))
    if left_out:
        rows = [{"section": n, "why": why} for n, why in left_out.items()]
        parts.append(Folded(f"Left out ({len(rows)})", pa.Table.from_pylist(rows)))
    return parts


def _lead(space: Space) -> str:
    what = space.reading.get("reader")
    kind = {"images": "pictures", "text": "texts", "graph": "nodes"}.get(str(what), "samples")
    return f"{len(space):,} {kind}, {space.dim} numbers each, learnt without labels: what is in them."


def _facts(space: Space) -> list[tuple[str, str]]:
    about = space.info()
    return [
        ("samples", f"{len(space):,}"),
        ("dimensions", f"{space.dim:,}"),
        ("distance", space.metric),
        ("encoder", f"{about['encoder']} {space.fingerprint[:8]}"),
        ("version of the space", f"{about['version']}"),
        ("made with", f"ilk {__version__}"),
        ("on", date.today().isoformat()),
    ]
