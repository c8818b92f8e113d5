"""What a plugin hands to Frame: records made of strings, so that listing them imports nothing heavy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
TASKS = ("binary", "multiclass")


class Kind(StrEnum):
    """The kinds of component, each with a hook of its own."""

    BACKBONE = "backbone"
    EXPERT = "expert"
    HEAD = "head"
    LOSS = "loss"
    STRATEGY = "strategy"
    DATASET = "dataset"
    TRANSFORM = "transform"
    METRIC = "metric"
    CALLBACK = "callback"

    @property
    def plural(self) -> str:
        return {"loss": "losses", "strategy": "strategies"}.get(self.value, f"{self.value}s")

    @property
    def one(self) -> str:
        """With its article: ``an expert``."""
        return f"an {self}" if self.value[0] in "aeiou" else f"a {self}"

    @property
    def hook(self) -> str:
        """The name of the hook that yields components of this kind."""
        return f"frame_{self.plural}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One named part that a plugin offers.

    Parameters
    ----------
    name
        The name that a config uses: lower-case letters, digits, ``_``, ``.`` and ``-``.
    target
        Import string of the class or function that builds the part, ``"package.module:Object"``. It takes the
        options as keyword-only arguments, and what only the caller knows (a head's ``channels``) beside them.
    options
        Import string of a :class:`frame.Options` class, in a module that imports no torch. ``None``: no options.
    summary
        One line for ``frame list``.
    serves
        The tasks that it can do, ``"binary"`` and ``"multiclass"``; ``frame check`` refuses the others.

    Raises
    ------
    ValueError
        If a field is not of its form. The plugin that yields such a record is shown as broken, with this message.
    """

    name: str
    target: str
    options: str | None = None
    summary: str = ""
    serves: tuple[str, ...] = TASKS

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(f"component name {self.name!r}: use lower-case letters, digits, '_', '.' and '-'")
        for field in ("target", "options"):
            value = getattr(self, field)
            if value is None and field == "options":
                continue
            if not isinstance(value, str) or not _TARGET.fullmatch(value):
                raise ValueError(
                    f"component {self.name!r}: {field} {value!r} is not an import string like 'package.module:Object'"
                )
        if not self.serves or not set(self.serves) <= set(TASKS):
            raise ValueError(f"component {self.name!r}: serves {self.serves!r}: choose from {TASKS}")
