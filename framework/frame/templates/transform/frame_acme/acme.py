"""The augmentation, in numpy; an ``albumentations.Compose`` would do as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]


class Acme:
    """Flips and quarter turns of image and mask alike, and another brightness of the image.

    Parameters
    ----------
    size
        Side in pixels to which Frame resizes what comes out; not used.
    brightness
        The most by which an image becomes brighter or darker, as a share.
    """

    def __init__(self, *, size: int, brightness: float = 0.2) -> None:
        self.brightness = brightness
        self.random = np.random.default_rng()

    def set_random_seed(self, seed: int | None) -> None:
        """All that the next call draws follows from ``seed``, so that a run gives the same images again."""
        self.random = np.random.default_rng(seed)

    def __call__(self, *, image: Bytes, mask: Bytes) -> dict[str, Bytes]:
        """Image ``[H, W, 3]`` and mask ``[H, W]``, both uint8, to the same two."""
        turns = int(self.random.integers(4))
        image, mask = np.rot90(image, turns), np.rot90(mask, turns)
        if self.random.random() < 0.5:
            image, mask = image[:, ::-1], mask[:, ::-1]
        factor = 1 + self.random.uniform(-self.brightness, self.brightness)
        brighter = (image * factor).clip(0, 255).astype(np.uint8)
        return {"image": np.ascontiguousarray(brighter), "mask": np.ascontiguousarray(mask)}
