"""The site: every page has its place in it, every dependency its reason."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
GENERATED = {"commands.md", "methods.md", "api.md"}


def names(wanted: list[str]) -> set[str]:
    return {re.split(r"[<>=!~\[; ]", d)[0].lower() for d in wanted}


def test_every_page_is_in_the_navigation():
    told = re.findall(r"[\w-]+\.md", (ROOT / "mkdocs.yml").read_text().partition("nav:")[2])
    assert sorted(told) == sorted({p.name for p in (ROOT / "docs").glob("*.md")} | GENERATED)


def test_every_dependency_has_its_reason():
    page = (ROOT / "docs" / "dependencies.md").read_text()
    always, _, extras = page.partition("## Extras")
    told = set(re.findall(r"^\| ([\w-]+) \|", always, re.MULTILINE)) - {"Library"}
    assert told == names(PROJECT["dependencies"])
    for extra, wanted in PROJECT["optional-dependencies"].items():
        if extra != "dev":
            line = next(row for row in extras.splitlines() if row.startswith(f"| `{extra}` |"))
            own = names(wanted) - (
                names(PROJECT["optional-dependencies"]["look"]) if extra == "notebook" else set()
            )
            assert own <= set(re.findall(r"[\w-]+", line.split("|")[2])), extra


def test_the_citation_is_of_this_version():
    told = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert told is not None
    assert f'"{told[1]}"' in (ROOT / "ilk" / "__init__.py").read_text()
