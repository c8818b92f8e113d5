"""A transform that keeps the contract: it flips, turns and darkens."""

import numpy as np

from frame import Component, Options, hookimpl


class TurnOptions(Options):
    dark: float = 0.9
    """The least brightness that is left."""


class Turn:
    def __init__(self, *, size, dark=0.9):
        self.dark = dark
        self.rng = np.random.default_rng()

    def set_random_seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def __call__(self, *, image, mask):
        turns, flips = int(self.rng.integers(4)), self.rng.random() < 0.5
        image, mask = np.rot90(image, turns), np.rot90(mask, turns)
        if flips:
            image, mask = image[:, ::-1], mask[:, ::-1]
        image = (image * self.rng.uniform(self.dark, 1)).astype(np.uint8)
        return {"image": image.copy(), "mask": mask.copy()}


@hookimpl
def frame_transforms():
    yield Component(
        name="turn", target=f"{__name__}:Turn", options=f"{__name__}:TurnOptions", summary="Quarter turns and flips"
    )
