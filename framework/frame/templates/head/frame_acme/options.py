"""Options of the head, in a module without torch: ``frame check`` imports it."""

from __future__ import annotations

from frame import Options
from pydantic import Field


class AcmeOptions(Options):
    """What a config can set under ``[head]``."""

    width: int = Field(default=64, ge=1)
    """Channels to which every level is projected."""
    side_outputs: bool = True
    """Give coarse logits of each level too, for ``deep_supervision``."""
