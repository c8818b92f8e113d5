"""Options of the data sets."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads the annotation
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from frame import OfKind, Options, Part
from frame_datasets import layouts, published
from frame_datasets.classes import ClassOptions, Kind

if TYPE_CHECKING:
    from frame_datasets.layouts import Split
    from frame_datasets.published import Layout


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
    classes: tuple[Kind, ...] = ()
    """Kinds of objects to tell apart, ``["background", "moth", "snake", "starfish"]`` or some of them, of which each
    image has one. Without it the objects are of no kind, and masks tell object and background."""

    @field_validator("classes")
    @classmethod
    def _begin_with_the_background(cls, classes: tuple[Kind, ...]) -> tuple[Kind, ...]:
        if classes and (classes[0] != "background" or len(classes) < 2 or len(set(classes)) < len(classes)):
            raise ValueError('give the background first, then kinds, each once: ["background", "moth", "snake"]')
        return classes


class FolderOptions(ClassOptions):
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
        return [layouts.folder_missing(self.root, self.images, self.masks)]

    @property
    def is_unsplit(self) -> bool:
        """Whether neither sub-folders nor its own name say which split the folder is."""
        as_train, as_test = (
            layouts.folder_splits(self.root, self.images, self.masks, split) for split in ("train", "test")
        )
        return as_train != as_test and layouts.named_split(self.root) is None

    @classmethod
    def looks_for(cls) -> str:
        return "images and masks in two sub-folders (Image and Mask, Imgs and GT, im and gt), split or not"

    @classmethod
    def recognized(cls, folder: Path, split: Split) -> dict[str, Any] | None:
        there = layouts.folder_splits(folder, "auto", "auto", layouts.named_split(folder) or split)
        return {"root": folder, "unsplit": split} if split in there else None


class _PublishedOptions(Options):
    """Of a set that lies as a layout says."""

    lies: ClassVar[Layout]

    @classmethod
    def looks_for(cls) -> str:
        return cls.lies.tree

    @classmethod
    def recognized(cls, folder: Path, split: Split) -> dict[str, Any] | None:
        return {"root": folder} if cls.lies.recognizes(folder, split) else None

    def problems(self) -> list[str]:
        root: Path = self.root  # type: ignore[attr-defined]  # each class documents its own
        return [] if self.lies.find(root) else [self.lies.absent(root)]


class CamoOptions(_PublishedOptions):
    """Options of ``camo``."""

    lies = published.CAMO
    root: Path
    """The folder ``CAMO-V.1.0-CVIU2019``, the one that it is in, or the one with ``TestDataset/CAMO``."""


class ChameleonOptions(_PublishedOptions):
    """Options of ``chameleon``."""

    lies = published.CHAMELEON
    root: Path
    """The folder ``CHAMELEON``, the one that it is in, or the one with ``TestDataset/CHAMELEON``."""


class Nc4kOptions(_PublishedOptions):
    """Options of ``nc4k``."""

    lies = published.NC4K
    root: Path
    """The folder ``NC4K``, the one that it is in, or the one with ``TestDataset/NC4K``."""


class Cod10kOptions(_PublishedOptions):
    """Options of ``cod10k``."""

    lies = published.COD10K
    root: Path
    """The folder ``COD10K-v3``, the one that it is in, or the one with ``TrainDataset`` and ``TestDataset``."""
    noncam: bool = False
    """Train on the images without a camouflaged object too, as negatives. The test split never has them."""


class ConcatOptions(Options):
    """Options of ``concat``."""

    sets: tuple[Annotated[Part, OfKind("dataset")], ...] = Field(min_length=1)
    """The data sets, a table with a name and options each, such as ``{name = "camo", root = "data/CAMO"}``."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of every set; none if the work is binary."""
        return _classes(self.sets[0])

    @model_validator(mode="after")
    def _same_classes(self) -> Self:
        for part in self.sets[1:]:
            if _classes(part) != self.classes:
                raise ValueError(
                    f"{self.sets[0].name} and {part.name} don't have the same classes in the same order; "
                    "name them alike"
                )
        return self


def _classes(part: Part) -> tuple[str, ...]:
    return tuple(getattr(part.options, "classes", None) or ())
