"""Metrics as a config binds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import frame
from frame.config.bind import bind_component
from frame.plugin.component import Kind

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def metric() -> Callable[..., Any]:
    """``metric("iou", "threshold=0.3", num_classes=1)``: a built-in metric, bound by name with options."""
    catalog = frame.catalog()

    def build(name: str, *overrides: str, num_classes: int = 1) -> Any:
        return bind_component(catalog, Kind.METRIC, name, overrides)(num_classes=num_classes)

    return build


@pytest.fixture
def images() -> list[tuple[Any, Any]]:
    """Six binary images of different sizes: a probability that resembles the mask, and the mask."""
    rng = np.random.default_rng(0)
    masks = [(rng.random((height, 20)) > 0.6).astype(np.uint8) for height in (10, 14, 18, 22, 26, 30)]
    return [(np.clip(mask * 0.3 + rng.random(mask.shape), 0, 1).astype(np.float32)[None], mask) for mask in masks]
