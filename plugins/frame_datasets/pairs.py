"""Pairs of files: finding them by name, and the data set that reads them."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from frame import IMAGE_SUFFIXES, Sample, UserError, read_mask, read_pair, write_image, write_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from frame_datasets.labels import Labels
    from frame_datasets.layouts import Halves

NO_MASK, NO_IMAGE = "image without a mask", "mask without an image"


class Pair(NamedTuple):
    """An image's file and its mask's."""

    id: str
    """The file name without its suffix."""
    image: str
    mask: str


class Pairs:
    """Base of the data sets made of files: ``pairs`` in the order of their ids, with ``labels`` if classes are many."""

    unused: Mapping[str, Sequence[Pair]] = MappingProxyType({})
    """What is left out, by the reason; half of it may be missing."""

    def __init__(self, pairs: list[Pair], labels: Labels | None = None) -> None:
        self.pairs = pairs
        self.labels = labels

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        pair = self.pairs[index]
        read = self.labels.read if self.labels else read_mask
        return Sample(*read_pair(pair.image, pair.mask, read), pair.id)

    def files(self, index: int) -> tuple[str, str]:
        """The image's file and the mask's."""
        return self.pairs[index].image, self.pairs[index].mask

    def left_out(self) -> dict[str, list[tuple[str, str]]]:
        """Files of the split that aren't used, by the reason: image and mask, one of them empty if it is missing."""
        return {reason: [(pair.image, pair.mask) for pair in pairs] for reason, pairs in self.unused.items()}


def matched(halves: Halves) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """The pairs of two folders, images without a mask, and masks without an image; all sorted.

    Raises
    ------
    UserError
        If a folder isn't there, if an id comes twice in one, or if nothing matches.
    """
    images, masks = _files(halves.images), _files(halves.masks)
    both = sorted(images.keys() & masks.keys())
    if not both:
        raise UserError(
            f"{halves.images} and {halves.masks} have no pair: an image and its mask must have the same name up to "
            f"the suffix ({len(images)} images, {len(masks)} masks)"
        )
    left, right = f"{halves.images}{os.sep}", f"{halves.masks}{os.sep}"  # Path's "/" would take most of the time
    pairs = [Pair(stem, left + images[stem], right + masks[stem]) for stem in both]
    images_alone = [Pair(stem, left + images[stem], "") for stem in sorted(images.keys() - masks.keys())]
    return pairs, images_alone, [Pair(stem, "", right + masks[stem]) for stem in sorted(masks.keys() - images.keys())]


def alone(images: list[Pair], masks: list[Pair]) -> dict[str, list[Pair]]:
    """What has no partner, by the reason why it is left out."""
    return {reason: pairs for reason, pairs in ((NO_MASK, images), (NO_IMAGE, masks)) if pairs}


def _files(folder: Path) -> dict[str, str]:
    """Names of a folder's image files by stem, in one pass that asks the disk nothing about each file."""
    found: dict[str, str] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, _, suffix = entry.name.rpartition(".")
                if f".{suffix.lower()}" not in IMAGE_SUFFIXES or entry.name.startswith("."):
                    continue
                if stem in found:
                    raise UserError(f"{folder} has both {found[stem]} and {entry.name}: remove or rename one of them")
                found[stem] = entry.name
    except OSError as error:
        raise UserError(f"{folder} can't be listed: {error.strerror or error}") from None
    return found


def count_files(*folders: Path) -> int:
    """Image files in the folders that exist."""
    return sum(len(_files(folder)) for folder in folders if folder.is_dir())


def write_pairs(
    halves: Halves, samples: Iterable[Sample], write: Callable[[Path, npt.NDArray[np.uint8]], None] = write_mask
) -> int:
    """Write each sample under its id, its mask by ``write``; returns how many."""
    halves.images.mkdir(parents=True, exist_ok=True)
    halves.masks.mkdir(parents=True, exist_ok=True)
    count = 0
    for sample in samples:
        write_image(halves.images / f"{sample.id}.jpg", sample.image)
        write(halves.masks / f"{sample.id}.png", sample.mask)
        count += 1
    return count


def plural(count: int, noun: str) -> str:
    """The count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def as_published(counted: str, count: int, published: int) -> str:
    """What was counted, with a note of how many were published if they are not as many."""
    return f"{counted}, as published" if count == published else f"{counted} (published: {published})"
