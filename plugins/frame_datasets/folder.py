"""Plain folders of images and masks, as users have them and as most benchmarks are handed round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import UserError, write_mask
from frame_datasets.labels import Labels, write_labels
from frame_datasets.layouts import Halves, folder_missing, folder_splits
from frame_datasets.pairs import Pairs, alone, matched, plural, write_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from frame import Sample
    from frame_datasets.labels import Colour, Ignored
    from frame_datasets.layouts import Split


class Folder(Pairs):
    """Images and masks in two sub-folders, paired by stem. Parameters are those of ``FolderOptions``.

    Raises
    ------
    UserError
        If the folder has no such layout, not this split, or no pair.
    """

    def __init__(
        self,
        *,
        split: Split,
        classes: Sequence[str] = (),
        palette: Sequence[Colour] | None = None,
        ignore: Ignored = (),
        root: Path,
        images: str = "auto",
        masks: str = "auto",
        unsplit: Split = "train",
    ) -> None:
        splits = folder_splits(root, images, masks, unsplit)
        if not splits:
            raise UserError(folder_missing(root, images, masks))
        if split not in splits:
            raise UserError(f"folder: no {split} split in {root.expanduser().absolute()}, only {' and '.join(splits)}")
        pairs, images_alone, masks_alone = matched(splits[split])
        super().__init__(pairs, Labels(classes, palette, ignore) if classes else None)
        self.unused = alone(images_alone, masks_alone)
        self.has_validation = "validation" in splits
        self._about = f"folder at {root}: {plural(len(pairs), f'{split} pair')}"
        if classes:
            self._about += f" of {len(classes)} classes"
        if images_alone or masks_alone:
            left_out = f"{plural(len(images_alone), 'image')} and {plural(len(masks_alone), 'mask')}"
            self._about += f", {left_out} without a partner left out"

    def describe(self) -> str:
        """One line about the set."""
        return self._about

    @classmethod
    def write(cls, folder: Path, split: Split, samples: Iterable[Sample], classes: Sequence[str] = ()) -> int:
        """Write samples under ``train``, ``val`` or ``test`` in ``folder``, named by their ids; returns how many.

        Masks of many classes are written as indices.
        """
        inside = folder / {"train": "train", "validation": "val", "test": "test"}[split]
        return write_pairs(
            Halves(inside / "images", inside / "masks"), samples, write_labels if classes else write_mask
        )
