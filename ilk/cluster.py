"""This machine's cores, and a Ray cluster: of an address, or one that runs here, or these cores as one."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import MissingExtra, OptionError

AUTO = "auto"  # what RAY_ADDRESS names, or runs here already; else this machine's cores
AGAIN = 3  # times that what a lost worker did is done anew


@contextmanager
def joined(address: str = AUTO) -> Iterator[Any]:
    """The module `ray`, within that cluster; one that was joined before is kept to, and not left."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing phones home
    try:
        import ray
    except ImportError as e:
        raise MissingExtra("ray", "scale", "--ray") from e
    ours = not ray.is_initialized()
    if ours:
        join(ray, address)
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def join(ray: Any, address: str = AUTO, **options: Any) -> None:
    if address != AUTO:
        options["address"] = address
    elif "RAY_ADDRESS" not in os.environ:
        options["include_dashboard"] = False
    with warnings.catch_warnings():
        # Lance may not be used after a fork; Ray forks to start other programs.
        warnings.filterwarnings("ignore", "lance is not fork-safe")
        try:
            ray.init(log_to_driver=False, configure_logging=False, **options)
        except (ConnectionError, ValueError) as e:
            raise OptionError(
                f"no Ray cluster answers at {options.get('address', os.environ.get('RAY_ADDRESS'))}: {e}",
                "Start one: `ray start --head` on one machine, and on the others what it then prints.",
            ) from e


def cores() -> int:
    """Of this machine, those that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def free(ray: Any) -> tuple[int, bool]:
    """How many GPUs nobody uses and True, or where there are none, how many cores and False."""
    found = ray.available_resources()
    gpus = int(found.get("GPU", 0))
    return (gpus, True) if gpus else (max(1, int(found.get("CPU", 1))), False)
