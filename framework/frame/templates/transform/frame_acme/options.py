"""Options of the augmentation, in a module without torch: ``frame check`` imports it."""

from __future__ import annotations

from frame import Options
from pydantic import Field


class AcmeOptions(Options):
    """What a config can set under ``[data.augmentation]``."""

    brightness: float = Field(default=0.2, ge=0, le=1)
    """The most by which an image becomes brighter or darker, as a share."""
