"""How the cells of a map speak of boxes: free of anchors, by anchors, or as the first YOLO's grid."""

from .anchors import Anchors
from .cells import Cells, Way
from .free import Free
from .grid import Grid

__all__ = ["Anchors", "Cells", "Free", "Grid", "Way"]
