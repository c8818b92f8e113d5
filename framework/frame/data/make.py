"""Writing samples to disk in a data set's own layout."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from frame.config.run import classes_of
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from frame.config.options import Part
    from frame.contracts.dataset import Sample
    from frame.plugin.catalog import Entry


def make(folder: Path, layout: Entry, source: Part, counts: Mapping[str, int]) -> dict[str, int]:
    """Write ``counts[split]`` samples of each split of ``source``; returns what was written.

    A layout whose ``write`` takes ``classes`` can hold masks of many.

    Raises
    ------
    UserError
        If the layout's data set can't write, or not so many classes, if ``folder`` holds something already, or a source
        has too few samples.
    """
    target = layout.load_target()
    if not hasattr(target, "write"):
        raise UserError(f"data set {layout.name!r} ({layout.plugin.source}) can't write its layout")
    classes = classes_of(source)
    if classes and "classes" not in signature(target.write).parameters:
        raise UserError(
            f"data set {layout.name!r} ({layout.plugin.source}) can't write masks of {len(classes)} classes"
        )
    many = {"classes": classes} if classes else {}
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists and is not an empty folder: choose another, nothing was written")
    written = {}
    for split, count in counts.items():
        dataset = source(split=split)
        if count > len(dataset) and not getattr(dataset, "fresh", False):
            raise UserError(f"data set {source.name!r} has {len(dataset)} images in {split}, {count} were asked for")
        try:
            written[split] = target.write(folder, split, _samples(dataset, count), **many)
        except OSError as error:
            raise UserError(f"cannot write {error.filename or folder}: {error.strerror or error}") from None
    return written


def _samples(dataset: Any, count: int) -> Iterator[Sample]:
    from tqdm import tqdm

    for index in tqdm(range(count), disable=None, unit="image", leave=False):
        yield dataset[index]
