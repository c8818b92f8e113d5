"""Augmentation as a config binds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

import frame
from frame.config.bind import bind_component
from frame.plugin.component import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 64


@pytest.fixture
def augmentation() -> Callable[..., Any]:
    """``augmentation("[{name = 'HorizontalFlip'}]")``: the pipeline of these transforms, or the default one."""
    catalog = frame.catalog()

    def build(transforms: str | None = None, size: int = SIZE) -> Any:
        overrides = () if transforms is None else (f"transforms={transforms}",)
        return bind_component(catalog, Kind.TRANSFORM, "albumentations", overrides)(size=size)

    return build


@pytest.fixture
def sample() -> dict[str, Any]:
    """A smooth noisy image with a disc, which is bright in the image and 1 in the mask."""
    image = np.random.default_rng(0).integers(0, 60, (SIZE, SIZE, 3), dtype=np.uint8)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.circle(mask, (22, 26), 12, 1, -1)
    image[mask == 1] += 190
    return {"image": image, "mask": mask}
