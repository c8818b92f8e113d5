"""Where a data set's files lie: finding them, and saying what to do when they aren't there. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from frame import UserError

if TYPE_CHECKING:
    from pathlib import Path

Split = Literal["train", "validation", "test"]
IMAGE_FOLDERS = ("image", "images", "imgs", "im")
MASK_FOLDERS = ("mask", "masks", "gt")
SPLIT_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training", "traindataset"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing", "testdataset"),
}


class Halves(NamedTuple):
    """The folder of a split's images and that of their masks."""

    images: Path
    masks: Path


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk."""

    name: str
    """The component's name."""
    folder: str
    """The folder's published name."""
    tree: str
    """What is in it, for a reader."""
    splits: dict[Split, tuple[str, str]]
    """Sub-folders of each split's images and masks."""
    source: str
    """Where it is published."""

    def find(self, root: Path) -> Path | None:
        """The set's own folder, which is ``root`` or in it; ``None`` if a split's images are in neither."""
        root = root.expanduser()
        for folder in (root, root / self.folder):
            if any((folder / images).is_dir() for images, _ in self.splits.values()):
                return folder
        return None

    def halves(self, folder: Path, split: Split) -> Halves:
        """Where a split lies in the set's own folder. Raises :class:`UserError` if the set has no such split."""
        if split not in self.splits:
            raise UserError(f"{self.name} has no {split} split of its own, only {' and '.join(self.splits)}")
        images, masks = self.splits[split]
        return Halves(folder / images, folder / masks)

    def open(self, root: Path, split: Split) -> tuple[Path, Halves]:
        """The set's own folder and a split's halves. Raises :class:`UserError` if they aren't there."""
        folder = self.find(root)
        if folder is None:
            raise UserError(self.absent(root))
        halves = self.halves(folder, split)
        for half in halves:
            if not half.is_dir():
                raise UserError(f"{self.name}: the {split} split needs {half.absolute()}; it comes from {self.source}")
        return folder, halves

    def absent(self, root: Path) -> str:
        """The message when :meth:`find` finds nothing."""
        return not_there(self.name, self.folder, root, self.tree, f"It is published at {self.source}. ")


def not_there(layout: str, title: str, root: Path, tree: str, source: str = "") -> str:
    """One message: where was looked, what was expected, where it is had, and two ways on without it."""
    where = root.expanduser().absolute()
    state = f"no {title} in {where}" if where.is_dir() else f"there is no folder {where}"
    return (
        f"root: {state}: expected {tree}. {source}"
        f"To go on without it: `frame data make DIR --layout {layout}`, then `--set data.root=DIR`; "
        "or `frame run configs/quickstart.toml`, which needs no files"
    )


CAMO = Layout(
    name="camo",
    folder="CAMO-V.1.0-CVIU2019",
    tree="Images/Train/*.jpg, Images/Test/*.jpg and all masks in GT/*.png, there or in CAMO-V.1.0-CVIU2019",
    splits={"train": ("Images/Train", "GT"), "test": ("Images/Test", "GT")},
    source="https://sites.google.com/view/ltnghia/research/camo",
)
COD10K = Layout(
    name="cod10k",
    folder="COD10K-v3",
    tree="{Train,Test}/Image/*.jpg and {Train,Test}/GT_Object/*.png, there or in COD10K-v3",
    splits={"train": ("Train/Image", "Train/GT_Object"), "test": ("Test/Image", "Test/GT_Object")},
    source="https://github.com/DengPingFan/SINet",
)
FOLDER_TREE = (
    "images and masks in two sub-folders (Image and Mask, Imgs and GT, im and gt, images and masks, or those that "
    "the options images and masks name), with train, val and test above or below them if the set is split"
)


def folder_splits(root: Path, images: str, masks: str, unsplit: Split) -> dict[Split, Halves]:
    """The splits of a plain folder; a set without split folders is all ``unsplit``. Empty if nothing fits."""
    root = root.expanduser()
    inside = _subfolders(root)
    above = _halves(root, images, masks)
    below = (_subfolders(above.images), _subfolders(above.masks)) if above else ({}, {})
    found: dict[Split, Halves] = {}
    for split, names in SPLIT_FOLDERS.items():
        for name in names:
            if name in inside and (halves := _halves(inside[name], images, masks)):
                found[split] = halves
            elif name in below[0] and name in below[1]:
                found[split] = Halves(below[0][name], below[1][name])
    return found or ({unsplit: above} if above else {})


def _halves(folder: Path, images: str, masks: str) -> Halves | None:
    """The two sub-folders, by the names given or, for ``"auto"``, by the usual ones."""
    inside = _subfolders(folder)

    def pick(given: str, usual: tuple[str, ...]) -> Path | None:
        if given != "auto":
            return folder / given if (folder / given).is_dir() else None
        return next((inside[name] for name in usual if name in inside), None)

    left, right = pick(images, IMAGE_FOLDERS), pick(masks, MASK_FOLDERS)
    return Halves(left, right) if left and right else None


def _subfolders(folder: Path) -> dict[str, Path]:
    """Sub-folders by lower-case name."""
    return {path.name.lower(): path for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else {}
