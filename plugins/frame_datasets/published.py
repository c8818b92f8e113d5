"""The published sets: how each lies on disk, as its authors pack it and as others repack it. Imports nothing heavy."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from frame import UserError
from frame_datasets.layouts import Halves, Split, folder_splits, named_split, not_there

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TRAIN, TEST = "TrainDataset", "TestDataset"
"""The folders in which the sets of the benchmark are handed round together: COD10K and CAMO mixed, and each apart."""


class Found(NamedTuple):
    """A set on disk."""

    folder: Path
    splits: dict[Split, Halves]
    repacked: bool
    """It lies as in ``TrainDataset`` and ``TestDataset``, maybe among images of other sets."""


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk."""

    name: str
    """The component's name."""
    folders: tuple[str, ...]
    """What its folder is called: as published first."""
    tree: str
    """What is in it, for a reader."""
    source: str
    """Where it is published."""
    counts: Mapping[Split, int]
    """Published pairs of each split."""
    splits: Mapping[Split, tuple[str, str]] = field(default_factory=dict)
    """Sub-folders of each split's images and masks, as published."""
    prefixes: tuple[str, ...] = ("",)
    """What names of images begin with: its own first, then those that are handed round with it."""

    def find(self, root: Path) -> Found | None:
        """The set at ``root``, in its folder there, or among others' there; ``None`` if it is in none of them."""
        root = root.expanduser()
        for name in ("", *self.folders):
            for folder in (root / name, root / name / name):  # a zip file is often unpacked into a folder of its name
                if found := self._at(folder):
                    return found
        repacked: dict[Split, Halves] = {}
        for place in (TRAIN, *(f"{TEST}/{name}" for name in self.folders)):
            repacked |= self._plain(root / place)
        return Found(root, repacked, repacked=True) if repacked else None

    def recognizes(self, folder: Path, split: Split) -> bool:
        """Whether just this folder is the set, or a part of it, and nothing else, and has the split."""
        folder = folder.expanduser()
        found = self._at(folder)
        halves = found and found.splits.get(split)
        if not found or not halves or not all(half.is_dir() for half in halves):
            return False
        if not found.repacked:
            return True
        if self.prefixes == ("",):
            return any(folder.absolute().name.lower().startswith(name.lower()) for name in self.folders)
        return all(name.startswith(self.prefixes) for name in _names(halves.images))

    def _at(self, folder: Path) -> Found | None:
        own = {split: Halves(folder / images, folder / masks) for split, (images, masks) in self.splits.items()}
        if any(halves.images.is_dir() and halves.masks.is_dir() for halves in own.values()):
            return Found(folder, own, repacked=False)
        if plain := self._plain(folder):
            return Found(folder, plain, repacked=True)
        # Images without masks: what is missing is told when it is opened.
        return Found(folder, own, repacked=False) if any(halves.images.is_dir() for halves in own.values()) else None

    def _plain(self, folder: Path) -> dict[Split, Halves]:
        """Splits of a plain folder with images of this set; one without splits is any, unless its name says which."""
        named = named_split(folder)
        found: dict[Split, Halves] = {}
        for split in self.counts:
            found |= folder_splits(folder, "auto", "auto", named or split)
        return {
            split: halves
            for split, halves in found.items()
            if split in self.counts and any(name.startswith(self.prefixes[0]) for name in _names(halves.images))
        }

    def halves(self, folder: Path, split: Split) -> Halves:
        """Where a split lies as published. Raises :class:`UserError` if the set has no such split."""
        self._require(split)
        images, masks = self.splits[split]
        return Halves(folder / images, folder / masks)

    def open(self, root: Path, split: Split) -> tuple[Path, Halves, bool]:
        """The set's folder, a split's halves, and whether it is repacked.

        Raises
        ------
        UserError
            If they aren't there.
        """
        self._require(split)
        found = self.find(root)
        if found is None:
            raise UserError(self.absent(root))
        if split not in found.splits:
            raise UserError(f"{self.name}: no {split} split in {found.folder.absolute()}, only {_and(found.splits)}")
        for half in found.splits[split]:
            if not half.is_dir():
                raise UserError(f"{self.name}: the {split} split needs {half.absolute()}; it comes from {self.source}")
        return found.folder, found.splits[split], found.repacked

    def _require(self, split: Split) -> None:
        if split not in self.counts:
            raise UserError(f"{self.name} has no {split} split of its own, only {_and(self.counts)}")

    def absent(self, root: Path) -> str:
        """The message when :meth:`find` finds nothing."""
        source = f"It is published at {self.source}. "
        return not_there(self.name, self.folders[0], root, self.tree, source, can_be_made=bool(self.splits))


def _and(splits: Mapping[Split, object]) -> str:
    return " and ".join(splits)


def _names(folder: Path) -> list[str]:
    """Names of files, without those that file managers leave."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not entry.name.startswith((".", "Thumbs.db"))]
    except OSError:
        return []


CAMO = Layout(
    name="camo",
    folders=("CAMO-V.1.0-CVIU2019", "CAMO"),
    tree="Images/Train/*.jpg, Images/Test/*.jpg and all masks in GT/*.png, there or in CAMO-V.1.0-CVIU2019, "
    "or TestDataset/CAMO/{Imgs,GT}",
    source="https://sites.google.com/view/ltnghia/research/camo",
    counts={"train": 1000, "test": 250},
    splits={"train": ("Images/Train", "GT"), "test": ("Images/Test", "GT")},
    prefixes=("camourflage_",),
)
COD10K = Layout(
    name="cod10k",
    folders=("COD10K-v3", "COD10K"),
    tree="{Train,Test}/Image/*.jpg and {Train,Test}/GT_Object/*.png, there or in COD10K-v3, "
    "or TrainDataset/{Imgs,GT} and TestDataset/COD10K/{Imgs,GT}",
    source="https://github.com/DengPingFan/SINet",
    counts={"train": 3040, "test": 2026},
    splits={"train": ("Train/Image", "Train/GT_Object"), "test": ("Test/Image", "Test/GT_Object")},
    prefixes=("COD10K-", *CAMO.prefixes),
)
CHAMELEON = Layout(
    name="chameleon",
    folders=("CHAMELEON",),
    tree="Imgs/*.jpg and GT/*.png, there, in CHAMELEON or in TestDataset/CHAMELEON",
    source="https://www.polsl.pl/rau6/chameleon-database-animal-camouflage-analysis/",
    counts={"test": 76},
)
NC4K = Layout(
    name="nc4k",
    folders=("NC4K",),
    tree="Imgs/*.jpg and GT/*.png, there, in NC4K or in TestDataset/NC4K",
    source="https://github.com/JingZhang617/COD-Rank-Localize-and-Segment",
    counts={"test": 4121},
)
