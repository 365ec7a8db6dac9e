"""Search: the nearest vectors. An index is derived from the rows and never the other way round."""

from .metric import METRICS

__all__ = ["METRICS"]
