"""Tensors that are sharded over processes."""

from __future__ import annotations

from typing import Any


def local(tensors: list[Any]) -> list[Any]:
    """What this process holds of each: the tensors themselves unless they are sharded, which all are or none is."""
    return [each.to_local() for each in tensors] if tensors and hasattr(tensors[0], "to_local") else tensors
