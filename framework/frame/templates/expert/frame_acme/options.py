"""Options of the expert, in a module without torch: ``frame check`` imports it."""

from __future__ import annotations

from frame import Options
from pydantic import Field, field_validator


class AcmeOptions(Options):
    """What a config can set where it names the expert: ``{name = "acme", kernel = 11}``."""

    kernel: int = Field(default=7, ge=1)
    """Side of the filter in pixels of the map, an odd number."""

    @field_validator("kernel")
    @classmethod
    def _is_odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"an even filter has no middle; take {value + 1}")
        return value
