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


class Draw(Asked):
    prompt: str = Field("", max_length=1000)
    where: dict[str, float] = Field(default={}, max_length=64)
    n: int = Field(4, ge=1, le=16)
    guidance: float = Field(2, ge=0, le=20)
    seed: int = Field(0, ge=0, lt=1 << 32)
    steps: int = Field(25, ge=1, le=100)
    row: int | None = Field(None, ge=0, description="Begin from this sample.")
    strength: float = Field(0.6, gt=0, le=1, description="How much noise is laid over it first.")
    mask: str | None = Field(
        None, pattern="^[0-9a-f]*$", max_length=1 << 15, description="Four pixels a letter, 1: drawn anew."
    )
