"""Options of the loss, in a module without torch: ``frame check`` imports it."""

from __future__ import annotations

from frame import Options
from pydantic import Field


class AcmeOptions(Options):
    """What a config can set under ``[losses.<label>]``, beside ``weight``."""

    epsilon: float = Field(default=1.0, ge=-1.0)
    """Weight of the added term: 0 is the cross-entropy, more of it looks more at what is hard."""
