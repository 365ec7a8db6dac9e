"""What this machine can do at most: the ceilings that other benchmarks are measured against.

    OMP_NUM_THREADS=1 python -m benchmarks.limits

On one thread: a large matrix product in float32 and in bfloat16, a copy of much memory, JPEGs decoded by
Pillow, whole and at the fraction that is enough for 64 pixels. Medians of rounds that take turns, per
CPU-second.
"""

import io
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROUNDS, SIDE, COPY = 9, 1024, 1 << 28
JPEG, SMALL = 512, 64  # pixels a side: of the file, and what is wanted of it


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def product(dtype: torch.dtype, side: int = SIDE) -> Callable[[], object]:
    a, b = (torch.randn(side, side).to(dtype) for _ in "ab")
    out = torch.empty(side, side, dtype=dtype)
    return lambda: torch.mm(a, b, out=out)


def flops(dtype: torch.dtype) -> float:
    """Floating-point operations a CPU-second in a large matrix product, now."""
    work = product(dtype)
    work()
    return 2 * SIDE**3 / statistics.median(cpu_seconds(work) for _ in range(5))


def copying() -> Callable[[], object]:
    a, b = np.ones(COPY, np.uint8), np.zeros(COPY, np.uint8)
    return lambda: np.copyto(b, a)


def jpeg(side: int = JPEG) -> bytes:
    """A picture with edges and texture, as photographs have, at quality 90."""
    y, x = np.mgrid[:side, :side] / side
    rng = np.random.default_rng(0)
    base = np.stack([np.sin(9 * x + 5 * y * c) + (x * c % 0.3 > 0.15) for c in (1, 2, 3)], -1)
    noisy = np.clip(90 + 50 * base + rng.normal(0, 8, base.shape), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(noisy).save(out, "JPEG", quality=90)
    return out.getvalue()


def decoded(data: bytes, size: int | None) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        if size is not None:
            image.draft("RGB", (2 * size, 2 * size))
        return np.asarray(image)


def machine() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        of = {k.strip(): v.strip() for k, v in lines.items()}
        model = f"{of.get('model name', model)}, family {of.get('cpu family')}, model {of.get('model')}"
    return f"{model}, {torch.get_num_threads()} thread(s), {torch.backends.cpu.get_cpu_capability()}"


def main() -> None:
    torch.set_num_threads(1)
    data, gb = jpeg(), COPY / 1e9
    asked: dict[str, tuple[Callable[[], object], float, str]] = {
        "matrix product, float32": (product(torch.float32), 2 * SIDE**3 / 1e9, "GFLOP/s"),
        "matrix product, bfloat16": (product(torch.bfloat16), 2 * SIDE**3 / 1e9, "GFLOP/s"),
        "memory copied": (copying(), gb, "GB/s"),
        f"JPEG of {JPEG} pixels, whole": (lambda: [decoded(data, None) for _ in range(20)], 20, "a second"),
        f"the same, for {SMALL} pixels": (lambda: [decoded(data, SMALL) for _ in range(20)], 20, "a second"),
    }
    found: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(ROUNDS + 1):
        for name, (work, amount, _unit) in asked.items():
            found[name].append(amount / cpu_seconds(work))
    print(machine())
    for name, (_work, _amount, unit) in asked.items():
        print(f"{name:28}{statistics.median(found[name][1:]):10,.1f} {unit}")


if __name__ == "__main__":
    main()
