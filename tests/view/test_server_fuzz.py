"""Requests that no page sends: anything the OpenAPI description allows, and files that are no pictures."""

import gc
import io
import resource
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from ilk.errors import IlkError
from ilk.view._server.upload import MOST_BYTES, decoded

from .looked_at import N, Visitor

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own dependencies' deprecations
    import schemathesis
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as openapi

CHECKED = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_schema_conformance,
]
OURS = {"host": "localhost:8377"}
DEAR = {"/api/clusters", "/api/anomalies", "/api/probe", "/api/refresh"}  # seconds each: fewer examples


def test_everything_that_is_described_behaves_as_described(own: Visitor) -> None:
    """Of every address: no 500, no answer of a kind that the description does not name."""
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", own.app, headers=OURS)
    met: Counter[int] = Counter()
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    for operation in operations:
        dear = operation.method.upper() == "POST" and operation.path in DEAR

        @settings(
            max_examples=2 if dear else 6,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def asked(case: schemathesis.Case) -> None:
            answer = case.call_and_validate(checks=CHECKED, headers=OURS, **_nearer(case))
            met[answer.status_code] += 1

        asked()
    assert met[200] > 60
    assert min(met[400], met[404]) > 5  # it was asked for more than what is there


def _nearer(case: schemathesis.Case) -> dict[str, object]:
    """Most made-up rows and versions are none: these are brought to where something can happen."""
    case.query = {k: v for k, v in (case.query or {}).items() if k != "v"}
    row = (case.path_parameters or {}).get("row")
    if isinstance(row, int):
        case.path_parameters["row"] = row % (N + 3)
    if isinstance(case.body, bytes) and "picture" not in case.path:
        rows = np.frombuffer(case.body[: len(case.body) // 4 * 4], "<u4") % (N + 1)
        return {"data": rows.tobytes() + case.body[len(case.body) // 4 * 4 :]}
    return {}


def png(size: tuple[int, int], chunk: bytes | None = None) -> bytes:
    """A grey PNG whose header says `size`, whatever its pixels are."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(b"\0" * 10_000_000) if chunk is None else chunk
    header = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")


def saved(kind: str, mode: str = "L") -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (24, 20), np.uint8)
    Image.fromarray(noise).convert(mode).save(out, kind)
    return out.getvalue()


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def tiff(array: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, array, **options)
    return out.getvalue()


def strip(width: int, height: int, compression: int, data: bytes) -> bytes:
    """A grey TIFF of one strip, whatever is in it."""
    values = {
        256: width,
        257: height,
        258: 8,
        259: compression,
        262: 1,
        273: 122,
        277: 1,
        278: height,
        279: len(data),
    }
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items())
    return b"II*\0" + struct.pack("<IH", 8, 9) + entries + b"\0" * 4 + data


def fits(array: np.ndarray) -> bytes:
    from astropy.io import fits

    out = io.BytesIO()
    fits.PrimaryHDU(array).writeto(out)
    return out.getvalue()


GREY = np.random.default_rng(0).random((24, 20)).astype(np.float32)
GOOD = {
    "png": saved("PNG"), "jpeg": saved("JPEG", "RGB"), "gif": saved("GIF"), "webp": saved("WEBP"),
    "bmp": saved("BMP"), "tiff": tiff(GREY), "npy": npy(GREY), "fits": fits(GREY),
}  # fmt: skip


@pytest.mark.parametrize("kind", GOOD)
def test_pictures_of_every_kind_are_taken(visitor, kind):
    assert decoded(GOOD[kind]).kind == kind
    assert decoded(GOOD[kind]).pixels.shape[-2:] == (24, 20)
    space = visitor.post("/api/search/picture", 200, content=GOOD[kind])
    assert (space["type"], space["width"], space["height"]) == (kind, 20, 24)
    assert len(space["neighbours"]) == 24


def test_kept_apart_by_content_not_by_name(visitor):
    for data, told in (
        (b"", "it is empty"),
        (b"hello, I am a text", "it begins with"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it begins with"),
        (b"PK\3\4" + b"\0" * 100, "it begins with"),  # NPZ: what it unpacks to is known only afterwards
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "it begins with"),
        (b"%PDF-1.7", "it begins with"),
        (b"RIFF\0\0\0\0WAVE", "it begins with"),
    ):
        answer = visitor.post("/api/search/picture", 415, content=data, headers={"content-type": "image/png"})
        assert told in answer["error"]
    visitor.post("/api/search/picture", 413, content=b"\0" * (MOST_BYTES + 1))


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that promise, or unpack to, more than is taken."""
    yield "pixels promised", png((30_000, 30_000))
    yield "Pillow's own limit", png((100_000, 100_000))
    yield "no width", png((0, 10))
    yield "pixels missing", png((6000, 6000), zlib.compress(b"\0" * 1000))
    huge = b"\x93NUMPY\x01\0" + struct.pack("<H", 118)
    yield (
        "NPY promised",
        huge + b"{'descr': '<f8', 'fortran_order': False, 'shape': (60000, 60000), }".ljust(117) + b"\n",
    )
    yield "objects", huge + b"{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }".ljust(117) + b"\n"
    yield "many small", npy(np.zeros((5000, 4, 4), np.uint8))
    yield "TIFF of many pixels", tiff(np.zeros((9000, 9000), np.uint8), compression="zlib")
    yield "TIFF that unpacks to more", strip(100, 100, 8, zlib.compress(b"\0" * 300_000_000, 1))
    yield "TIFF wider than its bytes", strip(6000, 6000, 1, b"\0" * 1000)
    yield "FITS promised", cards(SIMPLE="T", BITPIX=-64, NAXIS=2, NAXIS1=30_000, NAXIS2=1000)
    yield (
        "FITS promised beyond measure",
        cards(SIMPLE="T", BITPIX=-64, NAXIS=2, NAXIS1=300_000, NAXIS2=100_000),
    )
    yield "compressed FITS", cards(SIMPLE="T", BITPIX=8, NAXIS=0, ZIMAGE="T")


def cards(**values: object) -> bytes:
    """The header of a FITS file, with nothing behind it."""
    lines = [f"{name:<8}= {value!s:>20}".ljust(80) for name, value in values.items()]
    return "".join([*lines, "END"]).ljust(2880).encode()


BOMBS = dict(bombs())
HARMLESS = ("many small", "TIFF that unpacks to more")  # only as much is read as the picture needs


@pytest.mark.parametrize("what", BOMBS)
def test_bombs_are_refused_and_cost_no_memory(visitor, what):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = visitor.client.post("/api/search/picture", content=BOMBS[what])
    assert answer.status_code == (200 if what in HARMLESS else 400), answer.text
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # kilobytes
    assert grown < 200_000


def test_broken_files_never_break_the_server(visitor):
    """Cut short at every tenth, and with bytes turned over: an answer or a kind no, and nothing is kept."""
    random = np.random.default_rng(1)

    def spoilt() -> Iterator[bytes]:
        for data in GOOD.values():
            yield from (data[: len(data) * i // 10] for i in range(10))
            for _ in range(12):
                broken = bytearray(data)
                for at in random.integers(0, len(data), 6):
                    broken[at] = random.integers(256)
                yield bytes(broken)

    def all_of_them() -> list[int]:
        return [visitor.client.post("/api/search/picture", content=data).status_code for data in spoilt()]

    first = all_of_them()
    assert set(first) <= {200, 400, 415}
    assert first.count(400) > 40
    gc.collect()
    before = resident()
    for _ in range(2):
        all_of_them()
    gc.collect()
    assert resident() - before < 20_000_000
    assert visitor.get("/api/space")["rows"] > 0


def resident() -> int:
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(list(GOOD.values())), st.integers(0, 40), st.binary(max_size=200))
def test_any_bytes_are_a_picture_or_an_error_of_ours(good, keep, rest):
    try:
        pixels = decoded(good[:keep] + rest).pixels
    except IlkError:
        return
    assert pixels.ndim == 3
