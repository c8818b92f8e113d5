"""What a config can set of each component. No torch here: ``frame check`` imports this module."""

from __future__ import annotations

from frame import Options
from pydantic import Field


class TinyOptions(Options):
    """Of the backbone."""

    width: int = Field(default=16, ge=8)
    """Channels of the finest map; each coarser one has twice as many."""


class WaveletOptions(Options):
    """Of the expert."""

    smooth: bool = False
    """Take the mean of each four pixels too."""


class LogCoshDiceOptions(Options):
    """Of the loss."""

    smoothing: float = Field(default=1.0, gt=0)
    """Pixels added to both areas, so that an empty mask is no division by 0."""
