"""How the house is built: who may import whom, what stays out, what is shipped."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import ilk

HOUSE = Path(ilk.__file__).parent
FILES = sorted(p.relative_to(HOUSE).as_posix() for p in HOUSE.rglob("*.py"))
# A part imports from those before it, and within itself.
ORDER = [
    *(
        "errors",
        "console",
        "find",
        "files",
        "record",
        "compiled",
        "cluster",
        "saved",
        "source",
        "things",  # arithmetic of boxes; the network that finds them is encoders/detector.py
        "encoders",
        "decoders",
        "objectives",
        "training",
    ),
    *(
        "space",
        "analysis",
        "generate",
        "view",
        "learning",  # from data to a space: what is usual for them, the job, the judge
        "detection",
        "demonstration",
    ),
    "cli",
]
ANYTHING = {"__init__.py", "__main__.py"}  # the doors


def tree(file: str) -> ast.Module:
    return ast.parse((HOUSE / file).read_text(), file)


def part(file: str) -> str:
    return file.removesuffix(".py").partition("/")[0]


def imported(file: str) -> Iterator[tuple[int, str]]:
    """Line and part of every import of ilk's own, those within functions and for type checkers too."""
    package = ("ilk", *Path(file).parent.parts)
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            paths = [tuple(a.name.split(".")) for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = (*above, *(node.module.split(".") if node.module else ()))
            paths = [(*base, a.name) for a in node.names]
        else:
            continue
        yield from ((node.lineno, path[1]) for path in paths if path[0] == "ilk" and len(path) > 1)


def test_every_part_has_a_place_in_the_order() -> None:
    assert {part(f) for f in FILES if f not in ANYTHING} - set(ORDER) == set()


@pytest.mark.parametrize("file", [f for f in FILES if f not in ANYTHING])
def test_imports_go_one_way(file: str) -> None:
    own = ORDER.index(part(file))
    wrong = [(line, name) for line, name in imported(file) if name in ORDER and ORDER.index(name) > own]
    assert wrong == []


def test_the_test_of_the_arrows_sees_them() -> None:
    assert {name for _, name in imported("space/query.py")} == {"errors", "space"}
    assert "encoders" in {name for _, name in imported("space/space.py")}  # for type checkers only
    assert "saved" in {name for _, name in imported("space/_folder.py")}  # within a function
    assert {name for _, name in imported("encoders/__init__.py")} == {"find", "encoders"}


def loaded(code: str) -> set[str]:
    """The libraries in memory after this code, in a process of its own."""
    code += (
        "\nimport json, sys\nprint('\\n' + json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


HEAVY = {"torch", "numpy", "faiss", "lance", "pyarrow", "numba", "sklearn", "scipy", "PIL", "safetensors"}


def test_to_import_ilk_costs_nothing() -> None:
    assert loaded("import ilk; dir(ilk)") & (HEAVY | {"rich", "typer"}) == set()


@pytest.mark.parametrize(
    "words", ["--help", "--version", "learn --help", "serch", "search", "map --seed x y"]
)
def test_help_and_usage_errors_load_nothing_heavy(words: str) -> None:
    code = f"import sys\nsys.argv = ['ilk', *{words.split()!r}]\nfrom ilk.cli import main\n"
    assert loaded(code + "try:\n    main()\nexcept SystemExit:\n    pass") & HEAVY == set()


def test_every_public_name_is_there() -> None:
    assert set(ilk.__all__) == {"__version__", *ilk._PUBLIC}
    assert dir(ilk) == ilk.__all__
    for name in ilk.__all__:
        assert getattr(ilk, name) is not None
    with pytest.raises(AttributeError, match=r"ilk has no 'lern'; it has .*Id, IlkError, Images, "):
        ilk.lern  # noqa: B018


def test_type_checkers_see_the_public_names_too() -> None:
    block = next(n for n in tree("__init__.py").body if isinstance(n, ast.If))
    seen = {a.name: n.module for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert seen == ilk._PUBLIC


# Known to be longer, each for one thing: a class, the options of all verbs. Not to grow.
LONG = {"encoders/_words/kernels.py": 420, "space/space.py": 380}


@pytest.mark.parametrize("file", FILES)
def test_files_are_short_enough_to_read(file: str) -> None:
    lines = len((HOUSE / file).read_text().splitlines())
    assert lines <= LONG.get(file, 300), "A file of more than 300 lines is two rooms: part it."


FORBIDDEN_CALLS = {"hasattr", "eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
FORBIDDEN_WORDS = {"allow_pickle", "shell", "trust_remote_code"}  # unless they are False
FORBIDDEN_MEMBERS = {("torch", "load"), ("torch", "save"), ("os", "system")}


def forbidden(module: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names]
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            yield from ((node.lineno, n) for n in names if n.partition(".")[0] in FORBIDDEN_MODULES)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS
        ):
            yield node.lineno, node.func.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in FORBIDDEN_MEMBERS:
                yield node.lineno, f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg in FORBIDDEN_WORDS and not _is_false(node.value):
            yield node.value.lineno, node.arg


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


@pytest.mark.parametrize("file", FILES)
def test_nothing_is_unpickled_or_run_from_data(file: str) -> None:
    assert list(forbidden(tree(file))) == []


def test_numpy_files_are_opened_with_pickle_switched_off() -> None:
    """numpy's own default is off since 1.16.3; said aloud, nobody switches it on by another route."""
    calls = [
        node
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) == ("np", "load")
    ]
    assert calls
    assert all("allow_pickle" in [k.arg for k in call.keywords] for call in calls)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "x = eval('1')",
        "np.load(p, allow_pickle=True)",
        "torch.load(p)",
        "subprocess.run(c, shell=True)",
        "hasattr(a, 'b')",
    ],
)
def test_the_test_of_what_is_forbidden_sees_it(code: str) -> None:
    assert len(list(forbidden(ast.parse(code)))) == 1


def test_the_errors_are_drawn_as_they_are() -> None:
    from ilk import errors

    text = errors.__doc__ or ""
    drawn = set(re.findall(r"\b[A-Z][a-z]+[A-Za-z]+(?= )", text)) | {"IlkError"}
    classes = {
        name: c for name, c in vars(errors).items() if isinstance(c, type) and issubclass(c, Exception)
    }
    assert set(classes) <= drawn
    parent = "IlkError"
    for indent, name in re.findall(r"^([│├└─ ]+)([A-Z]\w+)", text, re.M):
        depth = len(indent) // 4
        assert classes[name].__base__ is classes["IlkError" if depth == 1 else parent]
        parent = name if depth == 1 else parent


def test_what_is_shipped() -> None:
    """The package with its typing mark; its metadata as a reader of the registry sees them."""
    with open(HOUSE.parent / "pyproject.toml", "rb") as f:
        project = tomllib.load(f)
    assert (HOUSE / "py.typed").read_bytes() == b""
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["ilk"]}
    assert project["project"]["license"] == "Apache-2.0"
    assert project["project"]["scripts"] == {"ilk": "ilk.cli:main"}
    for name in (project["project"]["readme"], *project["project"]["license-files"]):
        assert (HOUSE.parent / name).stat().st_size > 0


def third_party(file: str) -> set[str]:
    nodes = list(ast.walk(tree(file)))
    names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
    return {n.partition(".")[0] for n in names} - sys.stdlib_module_names - {"ilk", ""}


def test_every_library_that_is_imported_is_asked_for() -> None:
    with open(HOUSE.parent / "pyproject.toml", "rb") as f:
        project = tomllib.load(f)["project"]
    extras = [
        d
        for name, wanted in project["optional-dependencies"].items()
        if name not in ("dev", "docs")
        for d in wanted
    ]
    asked = {re.split(r"[<>=!~\[; ]", d)[0].lower() for d in [*project["dependencies"], *extras]}
    called = {"PIL": "pillow", "faiss": "faiss-cpu", "sklearn": "scikit-learn", "lance": "pylance"}
    used = {called.get(name, name.lower()) for file in FILES for name in third_party(file)}
    assert used == asked
