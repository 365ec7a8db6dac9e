"""Spaces: where vectors live, beside the encoder that made them and what was computed from them.

rows.py is the truth, snapshot.py and index.py are derived from it for speed, layers.py is what was computed.
"""

from .query import Compacted, Id, Neighbours, Upserted
from .space import Space

__all__ = ["Compacted", "Id", "Neighbours", "Space", "Upserted"]
