"""A space of handwritten digits to look at, with everything a page can show; and ways to ask its server."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from starlette.testclient import TestClient

from ilk.analysis.anomalies import anomalies
from ilk.analysis.clusters import clusters
from ilk.analysis.map import layout
from ilk.decoders.convnet import ConvNet
from ilk.encoders.pixels import Pixels
from ilk.source.images import images
from ilk.space import Space
from ilk.view._server.desk import Desk
from ilk.view.server import application

N = 60
RAW = {"content-type": "application/octet-stream"}


def make(folder: Path) -> Path:
    """digits/ with 16-bit pictures of 16 x 16 and a table, and digits.space, which knows them as 8 x 8."""
    digits = load_digits()
    (folder / "digits").mkdir(parents=True)
    with open(folder / "digits" / "table.csv", "w", newline="") as f:
        table = csv.writer(f)
        table.writerow(["path", "digit", "ink", "note", "round", "taken", "kind"])
        for i in range(N):
            large = np.kron(digits.images[i], np.ones((2, 2))) * 4000  # (16, 16), 0 to 64,000
            name = f"{i:02d}.png"
            Image.fromarray(large.astype(np.uint16)).save(folder / "digits" / name)
            digit = int(digits.target[i])
            ink = "" if i == 7 else f"{digits.images[i].sum():.1f}"
            day = f"2024-01-{1 + i % 28:02d} 12:00:00"
            table.writerow(
                [name, digit, ink, f"note {i}", digit in (0, 6, 8, 9), day, "low" if digit < 5 else "high"]
            )
    source = images(folder / "digits" / "table.csv", size=8, cache=False)
    space = Space.create(
        folder / "digits.space", Pixels(1, 8), reading=source.reading, decoder=ConvNet(64, 1, 8, width=4)
    )
    space.upsert(source)
    layout(space, epochs=20)
    clusters(space, 3, starts=1)
    anomalies(space)
    return space.path


class Visitor:
    """What a browser on this machine does."""

    def __init__(self, space: Path, data: str | None = None, **options: Any) -> None:
        self.app = application(Desk(space, data), **options)
        self.client = TestClient(self.app, base_url="http://localhost:8377", raise_server_exceptions=False)

    def get(self, address: str, status: int = 200, **more: Any) -> Any:
        return self._told(self.client.get(address, **more), status)

    def post(self, address: str, status: int = 200, **more: Any) -> Any:
        return self._told(self.client.post(address, **more), status)

    def rows(self, address: str, rows: Any, status: int = 200) -> Any:
        """Sends a set of rows."""
        return self.post(address, status, content=np.array(rows, "<u4").tobytes(), headers=RAW)

    def delete(self, address: str, status: int = 200) -> Any:
        return self._told(self.client.delete(address), status)

    def _told(self, answer: Any, status: int) -> Any:
        assert answer.status_code == status, answer.text
        json = answer.headers["content-type"] == "application/json"
        return answer.json() if json else answer
