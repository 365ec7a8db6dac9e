"""What is asked as JSON, as OpenAPI documents it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from .stretch import Colours, Stretch


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")  # a misspelt wish is told, not passed over


class Search(Asked):
    id: str | None = Field(None, max_length=1000)
    text: str | None = Field(None, max_length=1000)
    k: int = Field(50, ge=1, le=1000)


class Select(Asked):
    where: str = Field(min_length=1, max_length=5000)


class FindClusters(Asked):
    k: int | None = Field(None, ge=1, le=64)


class Nothing(Asked):
    pass


class Train(Asked):
    unsure: int = Field(24, ge=1, le=200)


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
