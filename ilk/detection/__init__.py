"""From pictures to the things in them, and from these to a space."""

from .finding import detect, discover, judge
from .found import Detections
from .keeping import keep

__all__ = ["Detections", "detect", "discover", "judge", "keep"]
