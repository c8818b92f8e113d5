"""Options of the built-in callbacks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from frame import Options


class TerminalOptions(Options):
    bars: Literal["auto", "on", "off"] = "auto"
    """Progress bars; ``"auto"``: on a terminal and in a notebook."""
    interval: float = Field(default=15.0, gt=0)
    """Seconds between the lines within an epoch, where there are no bars."""


class HistoryOptions(Options):
    every: int = Field(default=10, ge=1)
    """A record of every so many optimizer steps; epochs are always recorded."""


class PicturesOptions(Options):
    images: int = Field(default=8, ge=1, le=64)
    """How many validation samples to show: the first ones."""
    height: int = Field(default=160, ge=32, le=1024)
    """Height of each picture on the sheet, in pixels."""
