"""What is asked and answered as JSON: the types of the page's requests, which OpenAPI documents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from .columns import Kind
from .stretch import Colours, Stretch

Value = float | int | str | bool | None
Name = Annotated[str, Field(min_length=1, max_length=100)]


class Error(BaseModel):
    error: str
    do: str = ""


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")  # a misspelt wish is told, not passed over


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
    text: bool
    clusters: bool
    anomalies: bool
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


# Search


class Search(Asked):
    id: str | None = Field(None, max_length=1000)
    text: str | None = Field(None, max_length=1000)
    k: int = Field(50, ge=1, le=1000)


class Matches(BaseModel):
    rows: list[Found]
    total: int


class Select(Asked):
    where: str = Field(min_length=1, max_length=5000)


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


class FindClusters(Asked):
    k: int | None = Field(None, ge=1, le=64)


class Anomaly(Named):
    score: float
    why: str


class Anomalies(BaseModel):
    says: str | None
    anomalies: list[Anomaly]


class Nothing(Asked):
    pass


# Labels, sets, probe


class Labels(BaseModel):
    labels: list[Count]
    sets: list[Count]
    undo: str | None
    redo: str | None
    stamp: str


class Train(Asked):
    unsure: int = Field(24, ge=1, le=200)


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


class Move(Asked):
    dimension: int | None = Field(None, ge=0)
    direction: str | None = Field(None, max_length=1000)
    amount: float = Field(ge=-6, le=6)


class Decode(Asked):
    row: int = Field(ge=0)
    moves: list[Move] = Field(default=[], max_length=64)
    stretch: Stretch = "linear"
    low: float | None = Field(None, ge=0, le=100)
    high: float | None = Field(None, ge=0, le=100)
    colours: Colours = "grey"


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
