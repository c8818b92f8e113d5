"""Options of the metric, in a module without torch: ``frame check`` imports it."""

from __future__ import annotations

from frame import Options
from pydantic import Field


class AcmeOptions(Options):
    """What a config can set under ``[metrics.<label>]``."""

    beta: float = Field(default=2.0, gt=0)
    """How many times recall counts as much as precision."""
    threshold: float = Field(default=0.5, gt=0, lt=1)
    """Probability above which a pixel is taken for object."""
