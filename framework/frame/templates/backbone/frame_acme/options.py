"""Options of the backbone, in a module without torch: ``frame check`` imports it."""

from __future__ import annotations

from frame import Options
from pydantic import Field


class AcmeOptions(Options):
    """What a config can set under ``[backbone]``."""

    width: int = Field(default=24, ge=8)
    """Channels of the finest map; each coarser one has twice as many."""
    depth: int = Field(default=2, ge=1)
    """Blocks a level."""
