"""Options of the built-in metrics."""

from __future__ import annotations

from pydantic import Field

from frame import Options


class OverlapOptions(Options):
    threshold: float = Field(default=0.5, ge=0, lt=1)
    """A pixel is foreground above this probability. Binary work only: of many classes the likeliest is taken."""
