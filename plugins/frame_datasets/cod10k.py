"""COD10K: Fan et al., Camouflaged Object Detection, CVPR 2020."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import cv2
import numpy as np

from frame import write_mask
from frame_datasets.pairs import Pairs, alone, as_published, count_files, matched, plural, write_pairs
from frame_datasets.published import CAMO, COD10K

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from frame import Sample
    from frame_datasets.layouts import Split

_CAM, _NONCAM = "COD10K-CAM-", "COD10K-NonCAM-"
_WRITTEN = (  # some of the 69 sub-classes, from each super-class
    "1-Aquatic-3-Crab",
    "2-Terrestrial-23-Cat",
    "3-Flying-65-Owl",
    "1-Aquatic-20-Turtle",
    "2-Terrestrial-45-Spider",
    "3-Flying-64-Moth",
    "4-Amphibian-67-Frog",
    "5-Other-69-Other",
)


class Cod10k(Pairs):
    """COD10K-v3. Parameters are those of ``Cod10kOptions``; no validation split.

    An image is camouflaged (CAM) or not (NonCAM) by the prefix of its name; the rest of a NonCAM name has no one form.
    CAMO's training images belong to it where they lie among its own, as in the benchmark's ``TrainDataset``.

    Raises
    ------
    UserError
        If the set or the split isn't there.
    """

    def __init__(self, *, split: Split, root: Path, noncam: bool = False) -> None:
        folder, halves, _ = COD10K.open(root, split)
        pairs, images_alone, masks_alone = matched(halves)
        cam = [pair for pair in pairs if pair.id.startswith(_CAM)]
        negatives = [pair for pair in pairs if pair.id.startswith(_NONCAM)]
        camo = [pair for pair in pairs if pair.id.startswith(CAMO.prefixes)] if split == "train" else []
        use_negatives = noncam and split == "train"  # published figures are on CAM alone
        super().__init__(cam + camo + (negatives if use_negatives else []))
        self.unused = alone(images_alone, masks_alone) | ({} if use_negatives else {"NonCAM": negatives})
        self.published = COD10K.counts[split] + (CAMO.counts[split] if camo else 0)
        count = len(cam) + len(camo)
        about = plural(count, f"CAM {split} pair") + (f" with {len(camo)} of CAMO" if camo else "")
        strangers = len(pairs) - count - len(negatives)
        self._about = ", ".join(
            [
                f"COD10K-v3 at {folder}: {as_published(about, count, self.published)}",
                f"{len(negatives)} NonCAM {'as negatives' if use_negatives else 'left out'}",
                *([f"{plural(len(images_alone), 'image')} without a mask left out"] if images_alone else []),
                *([f"{plural(strangers, 'pair')} with neither prefix left out"] if strangers else []),
            ]
        )

    def describe(self) -> str:
        """One line about the set."""
        return self._about

    def strata(self) -> list[str]:
        """Each item's sub-class, such as ``"Crab"``, or ``"CAMO"`` or ``"NonCAM"``."""
        return [_stratum(pair.id) for pair in self.pairs]

    def group(self, name: str) -> str | None:
        """The super-class in an id, such as ``"Aquatic"``: published tables have a row for each."""
        fields = name.split("-")
        return fields[3] if name.startswith(_CAM) and len(fields) > 6 else None

    @classmethod
    def write(cls, folder: Path, split: Split, samples: Iterable[Sample]) -> int:
        """Write samples with edges and lists, numbered after those there; returns how many.

        Samples with objects are spread over super-classes and sub-classes, those without become NonCAM.
        """
        halves = COD10K.halves(folder, split)
        first = 1 + count_files(*(COD10K.halves(folder, either).images for either in COD10K.splits))
        edges, info = halves.masks.with_name("GT_Edge"), folder / "Info"
        edges.mkdir(parents=True, exist_ok=True)
        info.mkdir(exist_ok=True)
        with ExitStack() as stack:
            lists = [stack.enter_context((info / f"{kind}_{split}.txt").open("a")) for kind in ("NonCAM", "CAM")]

            def noted() -> Iterator[Sample]:
                for number, sample in enumerate(samples, first):
                    label = int(sample.mask.any())
                    named = sample._replace(id=_name(number) if label else _negative_name(number))
                    lists[label].write(f"{named.id}.jpg {label}\n")
                    edge = cv2.morphologyEx(sample.mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
                    write_mask(edges / f"{named.id}.png", edge.astype(np.uint8, copy=False))
                    yield named

            return write_pairs(halves, noted())


def _stratum(name: str) -> str:
    if name.startswith(_NONCAM):
        return "NonCAM"
    if name.startswith(CAMO.prefixes):
        return "CAMO"
    fields = name.split("-")  # COD10K-CAM-1-Aquatic-3-Crab-32
    return fields[5] if len(fields) > 6 else "other"


def _name(number: int) -> str:
    return f"{_CAM}{_WRITTEN[number % len(_WRITTEN)]}-{number}"


def _negative_name(number: int) -> str:
    return f"{_NONCAM}5-Background-5-Vegetation-{number}"
