"""What threads that spin while they wait cost where the cores are shared.

    python benchmarks/threads.py

The same work of torch on all cores, each time in a new process: with OMP_WAIT_POLICY=PASSIVE, as ilk sets it,
and ACTIVE, near to what OpenMP does by itself; interleaved, medians of three, beside as many busy processes
as there are cores.
"""

import os
import statistics
import subprocess
import sys

WORK = """
import time, torch
network = torch.nn.Sequential(*[torch.nn.Conv2d(32, 32, 3, padding=1) for _ in range(4)])
x = torch.randn(8, 32, 32, 32)
network(x).sum().backward()
began = time.perf_counter()
for _ in range(2):
    network(x).sum().backward()
print(time.perf_counter() - began)
"""


def seconds(policy: str) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", WORK],
        env=environment | {"OMP_WAIT_POLICY": policy},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def main() -> None:
    busy = [
        subprocess.Popen(
            [sys.executable, "-c", "import time\nend = time.time() + 300\nwhile time.time() < end: pass"]
        )
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        times: dict[str, list[float]] = {"PASSIVE": [], "ACTIVE": []}
        for _ in range(3):
            for policy, found in times.items():
                found.append(seconds(policy))
    finally:
        for process in busy:
            process.kill()
            process.wait()
    passive, active = (statistics.median(times[p]) for p in ("PASSIVE", "ACTIVE"))
    print(
        f"passive {passive:.2f} s, active {active:.2f} s: spinning takes {active / passive:.1f} times as long"
    )


if __name__ == "__main__":
    main()
