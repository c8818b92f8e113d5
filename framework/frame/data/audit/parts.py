"""What an audit looks at: the splits of the data sets in some folders."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

from frame.config.bind import bind_component
from frame.config.run import classes_of
from frame.contracts.dataset import Split
from frame.data.recognize import all_recognized
from frame.plugin.component import Kind
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from frame.config.options import Part
    from frame.contracts.dataset import Dataset
    from frame.plugin.catalog import Catalog


@dataclass(frozen=True, slots=True)
class AuditedSplit:
    """A split of a data set, with its files."""

    name: str
    """What findings call it."""
    dataset: Dataset = field(repr=False)
    about: str
    pairs: tuple[tuple[str, str], ...]
    """The image's file and the mask's, of each item."""
    left_out: dict[str, tuple[tuple[str, str], ...]]
    """What isn't used, by the reason; the empty string stands for a file that is missing."""
    published: int | None
    binary: bool


def audited_splits(
    catalog: Catalog, folders: Sequence[Path], names: Sequence[str] = (), overrides: Sequence[str] = ()
) -> list[AuditedSplit]:
    """Every split of the data sets in ``folders``: of those called ``names``, or of those that know the folder.

    Raises
    ------
    UserError
        If a folder has none, or a data set tells no files.
    """
    found: list[AuditedSplit] = []
    for folder in folders:
        before = f"{folder.expanduser().absolute().name}/" if len(folders) > 1 else ""
        splits = list(_named(catalog, folder, names, overrides) if names else _known(catalog, folder))
        found += _without_repeats([replace(split, name=before + split.name) for split in splits])
    return found


def _known(catalog: Catalog, folder: Path) -> Iterator[AuditedSplit]:
    """The splits of what installed data sets know the folder as."""
    faults = []
    for split in get_args(Split):
        try:
            known = all_recognized(catalog, folder, split)
        except UserError as error:
            faults.append(error)
            continue
        for where, part in known.items():
            yield _opened(part.name if where == "." else where, part, split)
    if len(faults) == len(get_args(Split)):
        raise faults[0]


def _named(catalog: Catalog, folder: Path, names: Sequence[str], overrides: Sequence[str]) -> Iterator[AuditedSplit]:
    """The splits that the named data sets have in the folder, at least one each."""
    settings = [f"root={json.dumps(os.fspath(folder), ensure_ascii=False)}", *overrides]
    for name in names:
        part = bind_component(catalog, Kind.DATASET, name, settings)
        faults = []
        for split in get_args(Split):
            try:
                yield _opened(name, part, split)
            except UserError as error:
                faults.append(error)
        if len(faults) == len(get_args(Split)):
            raise faults[0]


def _opened(name: str, part: Part, split: Split) -> AuditedSplit:
    dataset = part(split=split)
    if not hasattr(dataset, "files"):
        raise UserError(f'data set "{part.name}" has no files that it tells of: there is nothing to look at')
    left_out: dict[str, Any] = dataset.left_out() if hasattr(dataset, "left_out") else {}
    return AuditedSplit(
        f"{name} {split}",
        dataset,
        dataset.describe() if hasattr(dataset, "describe") else f"{part.name}: {len(dataset)} items",
        tuple(_pair(dataset.files(index)) for index in range(len(dataset))),
        {reason: tuple(_pair(files) for files in listed) for reason, listed in left_out.items()},
        getattr(dataset, "published", None),
        len(classes_of(part)) < 2,
    )


def _pair(files: Sequence[Any]) -> tuple[str, str]:
    return os.fspath(files[0]), os.fspath(files[1])


def _without_repeats(splits: list[AuditedSplit]) -> Iterable[AuditedSplit]:
    """A folder that isn't split is read as any split; it is looked at once, as the one whose count was published."""
    chosen: dict[tuple[tuple[str, str], ...], AuditedSplit] = {}
    for split in splits:
        other = chosen.setdefault(split.pairs, split)
        if split.published == len(split.pairs) != other.published:
            chosen[split.pairs] = split
    return chosen.values()
