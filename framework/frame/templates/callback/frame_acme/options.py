"""Options of the callback, in a module without torch: ``frame check`` imports it."""

from __future__ import annotations

from frame import Options
from pydantic import Field


class AcmeOptions(Options):
    """What a config can set under ``[callbacks.<label>]``."""

    count: int = Field(default=10, ge=1)
    """How many images are listed."""
