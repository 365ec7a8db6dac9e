"""The file is the registration: a name is a module of a package, and its one public class is the thing."""

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from .errors import DataError, OptionError, UnknownName

T = TypeVar("T")


def names(package: str) -> list[str]:
    """The members of a package: its modules without a leading underscore."""
    folder = Path(str(importlib.import_module(package).__file__)).parent
    return sorted(m.name for m in pkgutil.iter_modules([str(folder)]) if not m.name.startswith("_"))


def find(package: str, kind: str, name: str, *bases: type[T]) -> type[T]:
    """The class called `name`: a member of `package`, `./mine.py`, or `package.module:Mine`."""
    if name.endswith(".py"):
        return _only_class(use(Path(name)), bases, name)
    if ":" in name:
        module_name, _, class_name = name.partition(":")
        if not all(part.isidentifier() for part in [*module_name.split("."), class_name]):
            raise UnknownName(kind, name, names(package), "Expected package.module:Class, as in an import.")
        try:
            found = getattr(importlib.import_module(module_name), class_name)
        except (ImportError, AttributeError) as e:
            raise UnknownName(kind, name, names(package), f"({e})") from e
        if not (isinstance(found, type) and issubclass(found, bases)):
            raise OptionError(f"{name} is not a subclass of {' or '.join(b.__name__ for b in bases)}")
        return found
    if name not in names(package):
        raise UnknownName(kind, name, names(package), "A file (./mine.py) or package.module:Class works too.")
    return _only_class(importlib.import_module(f"{package}.{name}"), bases, name)


# A class nobody holds is collected, and what was saved by it cannot be loaded.
_used: dict[tuple[Path, int], ModuleType] = {}


def use(path: Path) -> ModuleType:
    """Runs a Python file (once, until it is changed), so that its classes are known to what they saved."""
    if not path.is_file():
        raise DataError(f"no file {path}", "Give the path of a Python file that defines one class.")
    key = (path.resolve(), path.stat().st_mtime_ns)
    if key in _used:
        return _used[key]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # dataclasses look there for their own module
    spec.loader.exec_module(module)
    _used[key] = module
    return module


def _only_class(module: ModuleType, bases: tuple[type[T], ...], name: str) -> type[T]:
    classes = [
        c
        for c in vars(module).values()
        if isinstance(c, type)
        and issubclass(c, bases)
        and c.__module__ == module.__name__
        and not c.__name__.startswith("_")
        and not inspect.isabstract(c)
    ]
    if len(classes) != 1:
        expected = " or ".join(b.__name__ for b in bases)
        raise OptionError(
            f"{name} defines {len(classes)} public {expected} classes; expected exactly one",
            "Give helpers a leading underscore, or name the class: package.module:Class.",
        )
    return classes[0]


def keywords(thing: Any) -> dict[str, Any]:
    """The constructor's arguments as they were given: each is stored unchanged under its own name."""
    return {name: getattr(thing, name) for name in parameters(type(thing))}


def parameters(cls: type) -> list[str]:
    """The names of the keywords that the constructor takes."""
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def construct(cls: type[T], given: dict[str, Any], offered: dict[str, Any]) -> T:
    """`cls(**given)`, with those of the `offered` traits that its constructor names."""
    known = parameters(cls)
    for name in given:
        if name not in known:
            raise UnknownName(f"option of {cls.__name__.lower()}", name, known)
        if isinstance(given[name], str) and _is_number(cls, name):
            raise OptionError(f"{name} is {given[name]!r}", "Give a number.")
    arguments = {k: v for k, v in offered.items() if k in known} | given
    needed = [n for n, p in inspect.signature(cls).parameters.items() if p.default is p.empty]
    missing = [n for n in needed if n in known and n not in arguments]
    if missing:
        raise OptionError(f"{cls.__name__.lower()} needs {' and '.join(missing)}", "Make it in Python.")
    return cls(**arguments)


def _is_number(cls: type, name: str) -> bool:
    """Whether the constructor's keyword takes numbers only (or None)."""
    hint = inspect.signature(cls).parameters[name].annotation
    told = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    return set(told.split(" | ")) - {"None"} <= {"int", "float"}
