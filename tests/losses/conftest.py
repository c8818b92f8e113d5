"""Losses as a config binds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import frame
from frame.config.bind import bind_component
from frame.plugin.component import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


@pytest.fixture
def loss() -> Callable[..., nn.Module]:
    """``loss("mask", "bce=0.0")``: a built-in loss, bound by name with options."""
    catalog = frame.catalog()

    def build(name: str, *overrides: str) -> Any:
        return bind_component(catalog, Kind.LOSS, name, overrides)()

    return build


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
