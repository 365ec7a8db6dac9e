"""Learning on the machines of a Ray cluster: Ray Train starts processes and tells them of each other.

What they share is a folder, in which the first one keeps the run as always. So a worker that is lost costs
the steps since the last checkpoint: Ray's workers are started again, and go on from it.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from textwrap import shorten
from typing import Any

from ..cluster import AGAIN, free, joined
from ..console import say
from ..errors import IlkError, TrainingError
from .distributed import Left

LEAST = 32  # samples of a batch for each process: batch norm goes by what one of them sees
_RAYS = "ray"  # folder in the run, of Ray's own files
_SAID = "said.txt"  # what the first process says, for the one that waits here


def everywhere(address: str, work: Callable[[Any], None], told: Any, *, batch: int, run: Path) -> None:
    """Calls `work(told)` in several processes at once, in which `distributed.group()` is one group.

    `run` lies in a folder that all machines share. `batch`: samples a step, to be shared evenly.
    """
    run = run.absolute()
    run.mkdir(parents=True, exist_ok=True)
    with joined(address) as ray, _repeated(run / _SAID):
        many, gpus = free(ray)
        n = max(i for i in range(1, many + 1) if batch % i == 0 and (i == 1 or batch // i >= LEAST))
        kind = "GPUs" if gpus else "cores"
        say(f"{n} processes for {many} free {kind}: each has {batch // n} of a batch of {batch}.")
        try:
            _trained(_within(work, told, run), n, gpus, run)
        finally:
            shutil.rmtree(run / _RAYS, ignore_errors=True)


def _within(work: Callable[[Any], None], told: Any, run: Path) -> Callable[[], None]:
    """What a worker runs."""
    here, said = Path.cwd(), run / _SAID

    def one() -> None:
        if here.is_dir():
            os.chdir(here)  # names of files mean the same there
        with open(said, "a", buffering=1) as log, redirect_stderr(log):
            try:
                work(told)
            except Left:
                raise
            except IlkError as e:
                raise IlkError(str(e)) from None  # of one argument, to travel

    return one


def _trained(one: Callable[[], None], workers: int, gpus: bool, run: Path) -> None:
    from ray.train import LoggingConfig, RunConfig, ScalingConfig, WorkerGroupError
    from ray.train.torch import TorchTrainer

    settings = RunConfig(
        name=_RAYS,
        storage_path=str(run),
        logging_config=LoggingConfig("CRITICAL"),  # type: ignore[call-arg]
        worker_runtime_env={"env_vars": {"RAY_TRAIN_ENABLE_PRINT_PATCH": "0"}},  # else all is said twice
    )
    for left in reversed(range(AGAIN + 1)):
        scale = ScalingConfig(num_workers=workers, use_gpu=gpus)
        try:
            TorchTrainer(one, scaling_config=scale, run_config=settings).fit()
            return
        except WorkerGroupError as e:
            told = [f for f in e.worker_failures.values() if isinstance(f, IlkError)]
            for failure in told:
                if not isinstance(failure, Left):
                    raise failure from None
            lost = next((f for f in e.worker_failures.values() if f not in told), e)
            why = shorten(str(lost), 100)
            if not left:
                raise TrainingError(
                    f"{AGAIN + 1} workers were lost: {why}", "The same command goes on."
                ) from e
            say(f"A worker was lost ({why}): going on from the last checkpoint.")


@contextmanager
def _repeated(path: Path) -> Iterator[None]:
    """What is written there meanwhile is said here."""
    path.write_text("")
    ended = threading.Event()

    def follow() -> None:
        with open(path, errors="replace") as file:
            done = False
            while not done:
                done = ended.wait(0.5)
                for line in file:
                    say(line.rstrip("\n"))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        path.unlink(missing_ok=True)
