"""The licences of all that ilk needs: none may bind a program that uses ilk.

python -m tests.licences
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution

FREE = r"MIT|BSD|Apache|ISC|PSF|Python Software|Zlib|HPND|MPL|Mozilla|Unlicense|CC0|0BSD|NVIDIA|LGPL"
BINDING = r"\b(A?GPL|SSPL|GNU (Affero )?General)"


def needed(name: str, seen: dict[str, str]) -> None:
    """Adds the licence of a package and of all it needs; of ilk itself its extras too, but not the tools."""
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in seen:
        return
    try:
        about = distribution(name)
    except PackageNotFoundError:  # for another system
        return
    told = about.metadata
    classifiers = [c for c in told.get_all("Classifier") or [] if c.startswith("License")]
    named = (told.get("License-Expression") or "", (told.get("License") or "")[:300])
    seen[name] = " ".join([*named, *classifiers])
    for wanted in about.requires or []:
        extra = re.search(r"extra == ['\"](\w+)", wanted)
        if extra is None or (name == "ilk" and extra[1] not in ("dev", "docs")):
            needed(re.split(r"[^\w.-]", wanted, maxsplit=1)[0], seen)


def main() -> None:
    seen: dict[str, str] = {}
    needed("ilk", seen)
    odd = {n: t for n, t in seen.items() if re.search(BINDING, t) and not re.search("LGPL|exception", t)}
    odd |= {n: t for n, t in seen.items() if not re.search(FREE, t, re.IGNORECASE)}
    for name, text in sorted(odd.items()):
        print(f"{name}: {text.strip() or 'says nothing'}")
    print(f"{len(seen)} packages, {len(odd)} to look at")
    sys.exit(bool(odd))


if __name__ == "__main__":
    main()
