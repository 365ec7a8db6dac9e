"""`ilk learn --ray` on a cluster of two cores here, a worker killed in the middle. `make scale` runs it.

No test of pytest's: Ray Train starts a dozen processes, each with a torch of its own.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from ilk.cluster import join
from ilk.encoders import Encoder
from ilk.learning.learn import learn
from ilk.saved import load
from ilk.training.recipe import Recipe

from .learning_parts import Digits

DIES = '''
import os, signal
from pathlib import Path
from ilk.objectives.simclr import SimCLR

class Dies(SimCLR):
    """The second process, after its tenth step, in its first life."""
    taken = 0

    def after_step(self, progress):
        self.taken += 1
        mark = Path("killed")
        if os.environ.get("RANK") == "1" and self.taken == 10 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
'''


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    here = Path(tempfile.mkdtemp())
    os.chdir(here)
    np.save("digits.npy", (Digits(300).pixels * 255).astype("uint8"))
    Path("dies.py").write_text(DIES)
    import ray

    join(ray, num_cpus=2)
    recipe = Recipe(steps=30, checkpoint_seconds=1e-3)
    space = learn("digits.npy", "./dies.py", out="far", recipe=recipe, ray="auto", width=4)
    ray.shutdown()
    run = here / "far.run" / "dies"
    log = (run / "metrics.jsonl").read_text().splitlines()
    taken = [line["step"] for line in map(json.loads, log) if "loss" in line]
    assert (here / "killed").exists()
    assert taken == list(range(1, 31)), taken
    assert len(space) == 300
    assert json.loads((run / "health.json").read_text())["step"] == 30
    assert load(run, Encoder).dim == space.dim
    assert not (run / "ray").exists()
    shutil.rmtree(here)
    print("killed in the middle, started again from the checkpoint, the run is whole")


if __name__ == "__main__":
    main()
