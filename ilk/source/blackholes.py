"""Pictures of black holes, ray-traced, with everything planted in them known: the built-in physical data set.

A circling plasma around a Kerr hole as a radio telescope would see it: GRMHD-like, not GRMHD. There is no
infall, jet, polarisation or gas that circles against the spin.

- `populations`: three kinds drawn well apart, in equal numbers. `ring`; `double ring`, the photon ring
  resolved inside the direct image; `no ring`: optically thick, or edge-on and blurred (`group` tells which).
- `continuum`: the same parameters drawn smoothly and independently: there are no groups to find.

Columns: population and group (planted), every planted parameter (see `flow.Hole`), cos_i; and read off the
noise-free, blurred picture: n_maxima of the radial profile, central_depression, and the label they give.
"""

import io
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.csv
from PIL import Image

from .. import console, files
from ..errors import MissingExtra, OptionError, UnknownName
from ._holes import flow, kerr, sky
from .images import Images

FIELD = 160.0  # uas, the side of a picture
LABELS = ("no ring", "ring", "double ring")  # by n_maxima
FORMATS = ("png16", "npy", "fits")
_BATCH = 240
COLUMNS = pa.schema(
    [("population", pa.string()), ("group", pa.string())]
    + [(name, pa.float64()) for name in ("spin", "inclination", "cos_i", "position_angle", "mass", "flux")]
    + [(name, pa.float64()) for name in ("r_in", "p", "tau", "h", "r_out", "turbulence", "beam")]
    + [(name, pa.float64()) for name in ("shift_x", "shift_y", "noise", "central_depression")]
    + [("n_maxima", pa.int64()), ("label", pa.string())]
)


def blackholes(
    n: int = 3000,
    kind: str = "populations",
    *,
    size: int = 64,
    seed: int = 0,
    noise: bool = True,
    fine: int = 1,
) -> Images:
    """`n` pictures (n, 1, size, size) in Jy a pixel, 160 uas wide. The same arguments give the same bits.

    `noise=False` leaves the thermal noise out; `fine` takes that many times more rays and finer steps.
    """
    _check(n, kind, size, seed, fine)
    pixels, ids, tables = np.empty((n, 1, size, size), np.float32), list[str](), []
    with console.progress("black holes", n) as bar:
        for some, names, table in _batches(0, n, kind, size, seed, noise, fine, _BATCH):
            pixels[len(ids) : len(ids) + len(some)] = some
            ids.extend(names)
            tables.append(table)
            bar.advance(len(some))
    return Images(pixels, ids, columns=pa.concat_tables(tables))


def stream(
    n: int,
    kind: str = "populations",
    *,
    size: int = 64,
    seed: int = 0,
    noise: bool = True,
    fine: int = 1,
    start: int = 0,
    batch: int = _BATCH,
) -> Iterator[Images]:
    """The same pictures, numbers `start` to `start + n`, a batch at a time: memory stays bounded."""
    _check(n, kind, size, seed, fine)
    for pixels, ids, columns in _batches(start, start + n, kind, size, seed, noise, fine, batch):
        yield Images(pixels, ids, columns=columns)


def _batches(
    start: int, stop: int, kind: str, size: int, seed: int, noise: bool, fine: int, batch: int
) -> Iterator[tuple[np.ndarray, list[str], pa.Table]]:
    with ThreadPoolExecutor(numba.config.NUMBA_NUM_THREADS) as threads:
        for first in range(start, stop, batch):
            holes = [flow.hole(kind, seed, i) for i in range(first, min(first + batch, stop))]
            made = list(threads.map(lambda hole: picture(hole, size=size, noise=noise, fine=fine), holes))
            pixels = np.stack([image for image, _ in made])[:, None]  # (B, 1, H, W)
            columns = pa.Table.from_pylist([row for _, row in made], schema=COLUMNS)
            yield pixels, [hole.id for hole in holes], columns


def picture(
    hole: flow.Hole, *, size: int = 64, noise: bool = True, fine: int = 1
) -> tuple[np.ndarray, dict[str, Any]]:
    """One hole's picture (size, size) float32, and its row of columns."""
    inclination, unit = math.radians(hole.inclination), size * hole.mass / FIELD  # pixels to an M
    light, rim = _rays(hole, inclination, fine)
    over = max(2, -(-128 // size)) * fine  # fine pixels to a pixel
    angle, x0, y0 = math.radians(hole.position_angle), hole.shift_x / hole.mass, hole.shift_y / hole.mass
    sharp = sky.project(light, rim, sky.rows(len(light)), size * over, 1 / (unit * over), angle, x0, y0)
    sigma = hole.beam / math.sqrt(8 * math.log(2)) * size * over / FIELD
    image = sky.blur(sharp, sky.beam(sigma, over), over)
    image *= hole.flux / max(image.sum(), 1e-300)
    centre = (size - 1) / 2
    seen, depression = sky.look(image, centre + unit * x0, centre - unit * y0, unit)
    row = hole.columns() | {"n_maxima": seen, "central_depression": depression, "label": LABELS[seen]}
    if noise:
        image += hole.random(3).standard_normal(image.shape) * (hole.noise * image.max())
    else:
        row["noise"] = 0.0
    return image.astype(np.float32), row


def _rays(hole: flow.Hole, inclination: float, fine: int) -> tuple[np.ndarray, np.ndarray]:
    """The light on the polar grid (x, psi), and the critical curve (psi,)."""
    spokes = 48 * fine
    psi = np.arange(spokes) * (2 * np.pi / spokes)
    rim = kerr.critical_radius(hole.spin, inclination, psi)
    rho = sky.radii(56 * fine)[:, None] * rim  # (x, psi)
    steps = kerr.Steps()
    steps = kerr.Steps(steps.angle / fine, steps.depth / fine)
    al, be = (rho * np.cos(psi)).ravel(), (rho * np.sin(psi)).ravel()
    light, _ = kerr.trace(al, be, hole.spin, inclination, flow.flow(hole), flow.field(hole), steps)
    return light.reshape(rho.shape), rim


def _check(n: int, kind: str, size: int, seed: int, fine: int) -> None:
    if kind not in flow.KINDS:
        raise UnknownName("kind of black holes", kind, flow.KINDS)
    if n < 1 or fine < 1 or seed < 0:
        raise OptionError(f"n={n}, fine={fine}, seed={seed}", "n and fine begin at 1, seed at 0.")
    if not 8 <= size <= 1024:
        raise OptionError(f"pictures of {size} pixels a side", "Give a size from 8 to 1024.")


def write(
    folder: Path | str,
    n: int,
    kind: str = "populations",
    *,
    size: int = 64,
    seed: int = 0,
    noise: bool = True,
    fine: int = 1,
    format: str = "png16",  # noqa: A002
) -> Path:
    """A picture a file and `parameters.csv` (path, id, columns), which `ilk.images` reads; returns that path.

    png16 scales each picture to its own range: flux = png_zero + png_scale x (value / 65535).
    The table appears last, so where it stands the set is whole.
    """
    _check(n, kind, size, seed, fine)
    if format not in FORMATS:
        raise UnknownName("format", format, FORMATS)
    save = {"png16": _png, "npy": _npy, "fits": _fits}[format]
    folder = Path(folder)
    rows: list[dict[str, Any]] = []
    table = folder / "parameters.csv"
    table.unlink(missing_ok=True)
    with console.progress(f"black holes to {folder}", n) as bar, files.room(folder):
        for some, names, columns in _batches(0, n, kind, size, seed, noise, fine, _BATCH):
            for name, pixels, planted in zip(names, some[:, 0], columns.to_pylist()):
                path = Path(f"{len(rows) // 10_000:04d}") / f"{name}.{format.removesuffix('16')}"
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                rows.append({"path": path.as_posix(), "id": name} | save(folder / path, pixels) | planted)
            bar.advance(len(some))
        text = io.BytesIO()
        pa.csv.write_csv(pa.Table.from_pylist(rows), text)
        files.write(table, text.getvalue())
    return table


def _png(path: Path, pixels: np.ndarray) -> dict[str, float]:
    zero, top = float(pixels.min()), float(pixels.max())
    Image.fromarray(np.round((pixels - zero) / (top - zero) * 65535).astype(np.uint16)).save(path)
    return {"png_zero": zero, "png_scale": top - zero}


def _npy(path: Path, pixels: np.ndarray) -> dict[str, float]:
    np.save(path, pixels, allow_pickle=False)
    return {}


def _fits(path: Path, pixels: np.ndarray) -> dict[str, float]:
    """With the header that VLBI tools read: East left, so the right ascension falls along a row."""
    try:
        from astropy.io import fits
    except ImportError:
        raise MissingExtra("astropy", "astro", "writing FITS") from None
    picture = fits.PrimaryHDU(np.flipud(pixels))  # the first row of a FITS picture is its lowest
    pixel, middle = FIELD / len(pixels) * 1e-6 / 3600, (len(pixels) + 1) / 2
    picture.header.update(
        {"OBJECT": path.stem, "CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN", "CDELT1": -pixel, "CDELT2": pixel}
        | {"CRPIX1": middle, "CRPIX2": middle, "CRVAL1": 0.0, "CRVAL2": 0.0, "CUNIT1": "deg", "CUNIT2": "deg"}
        | {"BUNIT": "JY/PIXEL", "FREQ": 230e9, "MJD": 0.0}
    )
    picture.writeto(path, overwrite=True)
    return {}
