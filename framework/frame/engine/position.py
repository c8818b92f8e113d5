"""Telling parts of a model where the run is, for what changes over it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


def listeners(*roots: nn.Module) -> tuple[Callable[[float], None], ...]:
    """``set_progress`` of each module that has one, wherever in the model or the losses it is."""
    modules = chain.from_iterable(root.modules() for root in roots)
    found: list[Any] = [each for each in modules if hasattr(each, "set_progress")]
    return tuple(each.set_progress for each in found)
