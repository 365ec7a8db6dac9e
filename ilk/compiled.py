"""Functions that become machine code, kept on disk.

Functions that call one another share a file: the cache notices a change of a function's own file only.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(*signature: Any) -> Callable[[F], F]:
    """No fastmath: the bits must not depend on how a compiler reorders sums."""
    options = {"nogil": True, "error_model": "numpy"}

    def compile_(function: F) -> F:
        try:
            return cast(F, numba.njit(*signature, cache=True, **options)(function))
        except RuntimeError:  # nowhere to keep it: a read-only machine compiles at every start
            return cast(F, numba.njit(*signature, **options)(function))

    return compile_
