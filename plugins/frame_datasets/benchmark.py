"""The sets of the COD benchmark that are images and masks only: CAMO, and the test sets CHAMELEON and NC4K."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from frame_datasets.pairs import Pairs, alone, as_published, count_files, matched, plural, write_pairs
from frame_datasets.published import CAMO, CHAMELEON, NC4K

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from frame import Sample
    from frame_datasets.layouts import Split
    from frame_datasets.published import Layout


class _Published(Pairs):
    """A published set of which every image is used; no validation split.

    Raises
    ------
    UserError
        If the set or the split isn't there.
    """

    layout: ClassVar[Layout]
    title: ClassVar[str]

    def __init__(self, *, split: Split, root: Path) -> None:
        folder, halves, repacked = self.layout.open(root, split)
        pairs, images_alone, masks_alone = matched(halves)
        super().__init__([pair for pair in pairs if not repacked or pair.id.startswith(self.layout.prefixes)])
        # As CAMO is published masks of both splits lie together, so that many have no image here.
        self.unused = alone(images_alone, masks_alone if repacked else [])
        self.published = self.layout.counts[split]
        count = as_published(plural(len(self.pairs), f"{split} pair"), len(self.pairs), self.published)
        self._about = f"{self.title} at {folder}: {count}"
        if images_alone:
            self._about += f", {plural(len(images_alone), 'image')} without a mask left out"

    def describe(self) -> str:
        """One line about the set."""
        return self._about


class Chameleon(_Published):
    """CHAMELEON: Skurowski et al., Animal Camouflage Analysis: CHAMELEON Database, 2018. A test set."""

    layout, title = CHAMELEON, "CHAMELEON"


class Nc4k(_Published):
    """NC4K: Lyu et al., Simultaneously Localize, Segment and Rank the Camouflaged Objects, CVPR 2021. A test set."""

    layout, title = NC4K, "NC4K"


class Camo(_Published):
    """CAMO: Le et al., Anabranch Network for Camouflaged Object Segmentation, CVIU 2019; its camouflaged part.

    Parameters are those of ``CamoOptions``.
    """

    layout, title = CAMO, "CAMO"

    @classmethod
    def write(cls, folder: Path, split: Split, samples: Iterable[Sample]) -> int:
        """Write samples as ``camourflage_00001`` (so it is published) and on, after those there; returns how many."""
        halves = CAMO.halves(folder, split)
        first = count_files(halves.masks) + 1
        named = (sample._replace(id=f"camourflage_{number:05d}") for number, sample in enumerate(samples, first))
        return write_pairs(halves, named)
