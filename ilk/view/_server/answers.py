"""What is answered as JSON, as OpenAPI documents it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .columns import Kind

Value = float | int | str | bool | None


class Error(BaseModel):
    error: str
    do: str = ""


# The space


class ListedColumn(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    name: str
    kind: Kind
    origin: str = Field(serialization_alias="from", description="metadata, or layer:NAME")


class Has(BaseModel):
    pictures: bool
    full: bool = Field(description="pictures come from the data themselves, not from the rows' small PNGs")
    decoder: bool
    draws: bool = Field(description="new pictures can be drawn out of noise")
    text: bool
    clusters: bool
    anomalies: bool
    edges: bool = Field(description="the rows are nodes of a graph that can be read again")
    writable: bool


class About(BaseModel):
    name: str
    rows: int
    dim: int
    metric: str
    version: str
    encoder: str
    columns: list[ListedColumn]
    has: Has
    stamp: str


class Part(BaseModel):
    name: str
    type: Literal["f32", "u8"]
    offset: int
    bytes: int


class Points(BaseModel):
    rows: int
    bounds: tuple[float, float, float, float]
    columns: list[Part]


class Count(BaseModel):
    name: str
    count: int


class Histogram(BaseModel):
    edges: list[float]
    counts: list[int]


class ColumnAbout(BaseModel):
    name: str
    kind: Kind
    origin: str = Field(serialization_alias="from")
    type: Literal["f32", "f64", "u8", "u16"] | None
    missing: int
    min: float | None = None
    max: float | None = None
    percentiles: dict[str, float] | None = None
    histogram: Histogram | None = None
    categories: list[Count] | None = None


# Rows


class RowAbout(BaseModel):
    row: int
    id: str
    metadata: dict[str, Value]
    layers: dict[str, dict[str, Value]]
    picture: bool


class Ids(BaseModel):
    ids: list[str]


class Named(BaseModel):
    row: int
    id: str


class Found(Named):
    distance: float | None = None


class Near(BaseModel):
    neighbours: list[Found]


class NearPicture(Near):
    width: int
    height: int
    type: str


class Thing(Named):
    box: tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels of the picture


class PictureAbout(BaseModel):
    full: bool
    width: int
    height: int
    channels: int
    type: str
    min: float | None
    max: float | None
    stretches: list[str]
    colours: list[str]
    things: list[Thing]  # of a row that was cut out of this picture: it, and all others that were


# Search


class Matches(BaseModel):
    rows: list[Found]
    total: int


# Clusters and oddities


class Cluster(BaseModel):
    name: str
    size: int
    share: float
    representatives: list[Named]
    centre: tuple[float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]]


class Clusters(BaseModel):
    says: str | None
    clusters: list[Cluster]


class Anomaly(Named):
    score: float
    why: str


class Anomalies(BaseModel):
    says: str | None
    anomalies: list[Anomaly]


# Labels, sets, probe


class Labels(BaseModel):
    labels: list[Count]
    sets: list[Count]
    undo: str | None
    redo: str | None
    stamp: str


class Recalled(Count):
    recall: float | None


class Unsure(Named):
    prediction: str
    second: str
    margin: float


class Probed(BaseModel):
    accuracy: float
    guess: float
    rows: int
    labels: list[Recalled]
    unsure: list[Unsure]
    predicted: list[Count]
    stamp: str


class ColumnSummary(BaseModel):
    name: str
    kind: Kind
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    top: list[Count] | None = None


class Summary(BaseModel):
    count: int
    representatives: list[Named]
    spread: float
    columns: list[ColumnSummary]


# Latent dimensions


class Dimension(BaseModel):
    index: int
    mean: float
    sd: float
    low: float
    high: float
    edges: list[float]
    counts: list[int]


class Direction(BaseModel):
    name: str
    r2: float
    sd: float


class Dimensions(BaseModel):
    dimensions: list[Dimension]
    directions: list[Direction]


# Drawing


class Told(BaseModel):
    """A number that may be told, as it was in the data that were learnt from."""

    name: str
    mean: float
    spread: float
    low: float
    high: float


class Draws(BaseModel):
    words: bool
    text: str | None = Field(description="the column that the words came from")
    numbers: list[Told]
    size: int
    channels: int


class Drawn(BaseModel):
    pictures: list[str] = Field(description="PNG, base64; of a part drawn anew, the first is as it was")


# Live


class Newest(BaseModel):
    version: str
    rows: int


class Figure(BaseModel):
    step: list[int]
    value: list[float]


class RunAbout(BaseModel):
    name: str
    step: int
    steps: int | None
    running: bool
    verdict: str | None
    figures: dict[str, Figure]


class Live(BaseModel):
    version: str
    stamp: str
    newest: Newest
    busy: str | None
    runs: list[RunAbout]
