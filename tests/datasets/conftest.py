"""Small sets of files to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from frame import Sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Touch = Callable[..., None]


@pytest.fixture
def write_files() -> Touch:
    """``write_files(folder, ".png", "a", "b")``: image files of 4 x 6 pixels, the left half white, right half black."""

    def write(folder: Path, suffix: str, *stems: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((4, 6, 3), np.uint8)
        pixels[:, :3] = 255
        for stem in stems:
            cv2.imwrite(str(folder / f"{stem}{suffix}"), pixels)

    return write


@pytest.fixture
def samples() -> list[Sample]:
    """Five smooth images of 24 x 32 pixels with a square object; the last two have none."""
    down, across = np.mgrid[0:24, 0:32].astype(np.float32)
    made = []
    for number in range(5):
        image = np.stack([5 * across, 8 * down, 40 * number + across], axis=-1).astype(np.uint8)
        mask = np.zeros((24, 32), np.uint8)
        if number < 3:
            mask[4 : 12 + number, 6 : 20 + number] = 1
        made.append(Sample(image, mask, f"sample-{number}"))
    return made
