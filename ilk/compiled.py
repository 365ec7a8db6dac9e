"""Functions that become machine code, kept on disk.

Functions that call one another share a file: the cache notices a change of a function's own file only.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(*signature: Any, reorder: bool = False) -> Callable[[F], F]:
    """`reorder`: sums may be taken in another order, the same for the same lengths; quicker.

    Without it the bits do not depend on the processor either.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    if reorder:
        options["fastmath"] = {"reassoc", "contract"}

    def compile_(function: F) -> F:
        try:
            return cast(F, numba.njit(*signature, cache=True, **options)(function))
        except RuntimeError:  # nowhere to keep it: a read-only machine compiles at every start
            return cast(F, numba.njit(*signature, **options)(function))

    return compile_
