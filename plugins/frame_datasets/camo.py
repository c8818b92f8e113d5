"""CAMO: Le et al., Anabranch Network for Camouflaged Object Segmentation, CVIU 2019."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame_datasets.layouts import CAMO
from frame_datasets.pairs import Pairs, count_files, matched, plural, write_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from frame import Sample
    from frame_datasets.layouts import Split

_PUBLISHED = {"train": 1000, "test": 250}


class Camo(Pairs):
    """The camouflaged part of CAMO. Parameters are those of ``CamoOptions``; no validation split.

    Raises
    ------
    UserError
        If the set or the split isn't there.
    """

    def __init__(self, *, split: Split, root: Path) -> None:
        folder, halves = CAMO.open(root, split)
        pairs, alone, _ = matched(halves)  # masks of both splits lie together, so that many have no image here
        super().__init__(pairs)
        self._about = f"CAMO at {folder}: {plural(len(pairs), f'{split} pair')} (published: {_PUBLISHED[split]})"
        if alone:
            self._about += f", {plural(len(alone), 'image')} without a mask left out"

    def describe(self) -> str:
        """One line about the set."""
        return self._about

    @classmethod
    def write(cls, folder: Path, split: Split, samples: Iterable[Sample]) -> int:
        """Write samples as ``camourflage_00001`` (so it is published) and on, after those there; returns how many."""
        halves = CAMO.halves(folder, split)
        first = count_files(halves.masks) + 1
        named = (sample._replace(id=f"camourflage_{number:05d}") for number, sample in enumerate(samples, first))
        return write_pairs(halves, named)
