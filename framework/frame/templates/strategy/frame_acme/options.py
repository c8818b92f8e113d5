"""Options of the strategy, in a module without torch: ``frame check`` imports it."""

from __future__ import annotations

from frame import Options
from pydantic import Field


class AcmeOptions(Options):
    """What a config can set under ``[strategy]``."""

    at_least: float = Field(default=1.0, ge=0)
    """GiB that have to be free on a GPU; where none has as much, the CPU trains."""
