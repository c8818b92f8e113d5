"""The audit itself: every pair is looked at, and what is wrong is listed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2

from frame.data.audit.look import Look, is_blank, look_at
from frame.data.audit.twins import nearly_same, same
from frame.data.cores import cores
from frame.data.images import quiet_decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from frame.data.audit.parts import AuditedSplit

KINDS = {
    "count": "counts that differ from the published",
    "unpaired": "files without a partner",
    "unreadable": "pairs that can't be read, or don't belong together",
    "size": "masks of another size than their image",
    "grey": "masks that are not black and white",
    "colours": "masks of several colours, read as one kind of object",
    "blank": "masks without an object",
    "full": "masks without a background",
    "same_across": "images that are in several splits",
    "near_across": "images that are nearly the same in several splits",
    "same": "images that are in one split more than once",
    "near": "images that are nearly the same in one split",
}
"""What is looked for, and its heading."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    kind: str
    """One of :data:`KINDS`."""
    files: tuple[tuple[str, str], ...]
    """Split and path of each file that it is about."""
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        files = [{"split": split, "path": path} for split, path in self.files]
        return {"kind": self.kind, "detail": self.detail, "files": files}


@dataclass(slots=True)
class Audit:
    """What was looked at, and what is wrong with it."""

    splits: Sequence[AuditedSplit]
    findings: list[Finding] = field(default_factory=list)
    blank_left_out: dict[tuple[str, str], int] = field(default_factory=dict)
    """Blank masks by split and by the reason why they are left out."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "splits": [
                {
                    "name": split.name,
                    "about": split.about,
                    "pairs": len(split.pairs),
                    "published": split.published,
                    "left_out": {
                        reason: {"files": len(files), "blank": self.blank_left_out.get((split.name, reason), 0)}
                        for reason, files in split.left_out.items()
                    },
                }
                for split in self.splits
            ],
            "findings": [finding.as_json() for finding in self.findings],
        }


def audit(splits: Sequence[AuditedSplit]) -> Audit:
    """Look at every pair of these splits, on as many threads as there are cores, with a progress bar on a terminal."""
    done = Audit(splits)
    places = [(split, *pair) for split in splits for pair in split.pairs]
    aside = [
        (split.name, reason, mask)
        for split in splits
        for reason, files in split.left_out.items()
        for image, mask in files
        if image and mask
    ]
    jobs = [
        partial(look_at, split.dataset, index, mask, binary=split.binary)
        for split in splits
        for index, (_, mask) in enumerate(split.pairs)
    ]
    looks: list[Any] = _all(jobs + [partial(is_blank, mask) for _, _, mask in aside])
    for (name, reason, _), blank in zip(aside, looks[len(places) :], strict=True):
        done.blank_left_out[name, reason] = done.blank_left_out.get((name, reason), 0) + blank
    done.findings += _of_splits(splits)
    for (split, image, mask), look in zip(places, looks, strict=False):
        done.findings += _of_pair(split.name, image, mask, look)
    done.findings += _of_content(places, looks)
    order = list(KINDS)
    done.findings.sort(key=lambda finding: order.index(finding.kind))
    return done


def _all(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """The result of each job, in order. Threads do, because decoding, shrinking and hashing let go of Python's lock."""
    from tqdm import tqdm

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with quiet_decoder():
        pool = ThreadPoolExecutor(cores())
        try:
            results = pool.map(lambda job: job(), jobs)
            return list(tqdm(results, total=len(jobs), disable=None, unit="pair", leave=False))
        finally:
            pool.shutdown(cancel_futures=True)
            cv2.setNumThreads(before)


def _of_splits(splits: Sequence[AuditedSplit]) -> Iterator[Finding]:
    for split in splits:
        if split.published is not None and split.published != len(split.pairs):
            yield Finding("count", (), f"{split.name}: {len(split.pairs)} pairs, published are {split.published}")
        for reason, files in split.left_out.items():
            for image, mask in files:
                if not (image and mask):
                    yield Finding("unpaired", ((split.name, image or mask),), reason)


def _of_pair(name: str, image: str, mask: str, look: Look) -> Iterator[Finding]:
    if look.fault:
        yield Finding("unreadable", ((name, image), (name, mask)), look.fault)
        return
    if look.image_size != look.mask_size:
        sizes = "image {}x{}, mask {}x{}".format(*look.image_size, *look.mask_size)
        yield Finding("size", ((name, image), (name, mask)), sizes)
    if look.grey:
        share = look.grey / (look.mask_size[0] * look.mask_size[1])
        yield Finding("grey", ((name, mask),), f"{look.grey} grey pixels, {share:.2%}")
    if look.colours > 1:
        yield Finding("colours", ((name, mask),), f"{look.colours}; data.classes and data.palette tell them apart")
    if look.share in (0, 1):
        yield Finding("full" if look.share else "blank", ((name, mask),))


def _of_content(places: Sequence[tuple[AuditedSplit, str, str]], looks: Sequence[Look]) -> Iterator[Finding]:
    prints = {at: look.print for at, look in enumerate(looks[: len(places)]) if look.print is not None}
    for kind, groups in (("same", same(prints)), ("near", nearly_same(prints))):
        for group in groups:
            files = tuple((places[at][0].name, places[at][1]) for at in group)
            across = len({name for name, _ in files}) > 1
            yield Finding(f"{kind}_across" if across else kind, files)
