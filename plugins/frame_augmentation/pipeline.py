"""Augmentation by albumentations, from tables in a config."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from frame_augmentation.default import CAMOUFLAGE
from frame_augmentation.quiet import albumentations as A
from frame_augmentation.tables import built
from frame_augmentation.trial import try_out


def albumentations(*, size: int, transforms: tuple[dict[str, Any], ...] | None = None) -> SeededCompose:
    """The default pipeline for ``size`` x ``size`` uint8 images and masks, or the one that ``transforms`` describes.

    Raises
    ------
    UserError
        If a table names no transform, holds arguments that it does not take, or makes what Frame can't train on.
    """
    tables = CAMOUFLAGE if transforms is None else transforms
    pipeline = SeededCompose([built(table, size, f"transforms[{index}]") for index, table in enumerate(tables)])
    pipeline.set_random_seed(0)
    try_out(pipeline, size)
    return pipeline


class SeededCompose(A.Compose):  # type: ignore[misc]
    """A ``Compose`` whose transforms draw from one random state.

    albumentations 2.0.8 gives each transform a state of its own with the same seed, so all of them draw the same
    numbers: with ``p = 0.5`` each, they are applied either all or not at all. It also takes five times as long.
    """

    def set_random_seed(self, seed: int | None) -> None:
        """Make the next call a function of ``seed``, in whatever process."""
        self.seed = seed
        self.set_random_state(np.random.default_rng(seed), random.Random(seed))  # noqa: S311
