"""Options of the data sets."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads the annotation
from typing import Literal

from pydantic import Field

from frame import Options
from frame_datasets import layouts


class CamouflageOptions(Options):
    """Options of ``camouflage``."""

    seed: int = Field(default=0, ge=0)
    """The images follow from it; another seed gives other images. Independent of the run's seed."""
    resolution: int = Field(default=128, ge=32, le=4096)
    """Side of the square images, in pixels, as they are generated."""
    train: int = Field(default=1024, ge=1)
    """Training images an epoch; every epoch has new ones."""
    validation_images: int = Field(default=128, ge=1)
    """Validation images, always the same."""
    test_images: int = Field(default=128, ge=1)
    """Test images, always the same."""
    difficulty: float = Field(default=0.4, ge=0, le=1)
    """From 0, objects of another tone that are plain to see, to 1, objects that only their grain gives away."""
    empty: float = Field(default=0.0, ge=0, le=1)
    """Share of images without an object."""


class FolderOptions(Options):
    """Options of ``folder``."""

    root: Path
    """Folder with the images and the masks, a sub-folder each, paired by file name without its suffix."""
    images: str = Field(default="auto", min_length=1)
    """Sub-folder with the images; ``"auto"`` finds ``Image``, ``images``, ``Imgs`` or ``im``, in any case."""
    masks: str = Field(default="auto", min_length=1)
    """Sub-folder with the masks; ``"auto"`` finds ``Mask``, ``masks`` or ``GT``, in any case."""
    unsplit: Literal["train", "validation", "test"] = "train"
    """What a folder is that has no ``train``, ``val`` and ``test`` in it; ``"test"`` for a benchmark such as NC4K."""

    def problems(self) -> list[str]:
        if layouts.folder_splits(self.root, self.images, self.masks, self.unsplit):
            return []
        return [layouts.not_there("folder", "images and masks", self.root, layouts.FOLDER_TREE)]


class CamoOptions(Options):
    """Options of ``camo``."""

    root: Path
    """The folder ``CAMO-V.1.0-CVIU2019``, or the one that it is in."""

    def problems(self) -> list[str]:
        return [] if layouts.CAMO.find(self.root) else [layouts.CAMO.absent(self.root)]


class Cod10kOptions(Options):
    """Options of ``cod10k``."""

    root: Path
    """The folder ``COD10K-v3``, or the one that it is in."""
    noncam: bool = False
    """Train on the images without a camouflaged object too, as negatives. The test split never has them."""

    def problems(self) -> list[str]:
        return [] if layouts.COD10K.find(self.root) else [layouts.COD10K.absent(self.root)]
