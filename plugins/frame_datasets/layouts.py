"""Where images and masks lie in folders: finding them, and saying what to do if they aren't there; nothing heavy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, NamedTuple

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


def not_there(layout: str, title: str, root: Path, tree: str, source: str = "", *, can_be_made: bool = True) -> str:
    """One message: where was looked, what was expected, where it is had, and two ways on without it."""
    where = root.expanduser().absolute()
    state = f"no {title} in {where}" if where.is_dir() else f"there is no folder {where}"
    missing = f"root: {state}: expected {tree}. {source}"
    if not can_be_made:
        return missing.rstrip(". ")
    return (
        f"{missing}To go on without it: `frame data make DIR --layout {layout}`, then `--set data.root=DIR`; "
        "or `frame run configs/quickstart.toml`, which needs no files"
    )


FOLDER_TREE = (
    "images and masks in two sub-folders (Image and Mask, Imgs and GT, im and gt, images and masks, or those that "
    "the options images and masks name), with train, val and test above or below them if the set is split"
)


def folder_missing(root: Path, images: str, masks: str) -> str:
    """What is wrong with a plain folder; sub-folders that the options name are named."""
    named = " and ".join(repr(name) for name in (images, masks) if name != "auto")
    tree = f"{FOLDER_TREE}; the options name {named}" if named else FOLDER_TREE
    return not_there("folder", "images and masks", root, tree)


def named_split(folder: Path) -> Split | None:
    """The split that a folder is called after, or the one that holds it, such as ``TestDataset``."""
    own, parent = folder.absolute().name.lower(), folder.absolute().parent.name.lower()
    for split, names in SPLIT_FOLDERS.items():
        if own in names or (parent in names and parent.endswith("dataset")):
            return split
    return None


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
    """Sub-folders by lower-case name; none if there is no such folder."""
    try:
        with os.scandir(folder) as entries:  # which says of each what it is, without asking the disk again
            return {entry.name.lower(): Path(entry.path) for entry in entries if entry.is_dir()}
    except OSError:
        return {}
