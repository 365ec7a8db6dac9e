"""Keywords that a docstring lines up in columns become a list (griffe calls `on_object` for each name)."""

import re
from typing import Any

import griffe

_KEYWORD = re.compile(r"^(\w+(?:, \w+)*) {2,}(\S.*)$")


class Columns(griffe.Extension):
    def on_object(self, *, obj: Any, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = listed(obj.docstring.value)


def listed(text: str) -> str:
    lines: list[str] = []
    within = False
    for line in text.splitlines():
        keyword = _KEYWORD.match(line)
        if keyword:
            lines += ([] if within else [""]) + [f"- `{keyword[1]}`: {keyword[2]}"]
        elif within and line.startswith("   "):
            lines[-1] += f" {line.strip()}"
        else:
            lines += ([""] if within and line else []) + [line]
        within = bool(keyword) or (within and line.startswith("   "))
    return "\n".join(lines)
