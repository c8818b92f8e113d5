"""Finding a data set by looking at a folder: the installed ones are asked whether they know it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from frame.config.bind import bind_table
from frame.config.document import read
from frame.contracts.dataset import Split
from frame.plugin.component import Kind
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from frame.config.options import Part
    from frame.plugin.catalog import Catalog, Entry

_DEPTH = 2  # of sub-folders: what a zip file was unpacked into, or a folder of folders with a set each


def recognized(catalog: Catalog, folder: Path, split: Split) -> Part:
    """The data set that lies in ``folder``, or in the only sub-folder with one, bound to read it.

    Raises
    ------
    UserError
        If no data set knows it, with what each looked for; or if several sub-folders hold one, with their names.
    """
    found = all_recognized(catalog, folder, split)
    if len(found) > 1:
        listed = ", ".join(f"{name} ({part.name})" for name, part in found.items())
        raise UserError(f"{folder} holds several data sets with a {split} split: name the folder of one: {listed}")
    return next(iter(found.values()))


def all_recognized(catalog: Catalog, folder: Path, split: Split) -> dict[str, Part]:
    """Every data set with this split in ``folder``, by the folder that it lies in, seen from there (``"."``).

    Raises
    ------
    UserError
        If there is none, with what each looked for.
    """
    if not folder.expanduser().is_dir():
        raise UserError(f"there is no folder {folder.expanduser().absolute()}")
    inquiry = _Inquiry(catalog)
    root = folder.expanduser()
    found = {path.relative_to(root).as_posix(): part for path, part in inquiry.search(root, split, _DEPTH)}
    if not found:
        raise UserError(inquiry.failure(root, split))
    return found


class _Inquiry:
    """The data sets that can be asked, best first, and what went wrong with asking."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.faults: dict[str, str] = {}
        self.asked: list[tuple[Entry, Any]] = []
        for entry in sorted(catalog.entries(Kind.DATASET), key=lambda entry: entry.plugin.source.is_builtin):
            try:
                options = entry.load_options()
            except UserError as error:
                self.faults[entry.qualified_name] = str(error)
                continue
            if hasattr(options, "recognized"):
                self.asked.append((entry, options))

    def search(self, folder: Path, split: Split, depth: int) -> Iterator[tuple[Path, Part]]:
        """The set in a folder, or else those in its sub-folders."""
        if part := self.at(folder, split):
            yield folder, part
        elif depth:
            try:
                with os.scandir(folder) as entries:
                    inside = sorted(entry.path for entry in entries if entry.is_dir() and entry.name[0] not in "._")
            except OSError:
                return
            for path in map(Path, inside):
                yield from self.search(path, split, depth - 1)

    def at(self, folder: Path, split: Split) -> Part | None:
        """The set in just this folder: the first that knows it, if it has the split."""
        for entry, options in self.asked:
            given = self._given(entry, options, folder, split)
            if given is not None:
                document = read({"data": {"name": self.catalog.means(entry), **given}})
                return bind_table(self.catalog, Kind.DATASET, document, "data")
            if any(self._given(entry, options, folder, other) is not None for other in get_args(Split)):
                return None  # a more general set would read a part of it, such as test images to train on
        return None

    def _given(self, entry: Entry, options: Any, folder: Path, split: Split) -> Mapping[str, Any] | None:
        try:
            given: Mapping[str, Any] | None = options.recognized(folder, split)
        except Exception as error:  # noqa: BLE001 - one plugin's fault is not another's
            self.faults[entry.qualified_name] = f"{entry.plugin}: {type(error).__name__}: {error}"
            return None
        return given

    def failure(self, folder: Path, split: Split) -> str:
        """The message when no set was found."""
        where = folder.absolute()
        others = [other for other in get_args(Split) if other != split and any(self.search(folder, other, _DEPTH))]
        if others:
            return f"{where} has no {split} split, only {' and '.join(others)}"
        looked = [f"  {self.catalog.means(entry)}: {_looks_for(entry, options)}" for entry, options in self.asked]
        faults = [f"  {name} could not be asked: {fault}" for name, fault in self.faults.items()]
        return "\n".join([f"no data set is known by what lies in {where}; looked for", *looked, *faults])


def _looks_for(entry: Entry, options: Any) -> str:
    return options.looks_for() if hasattr(options, "looks_for") else entry.component.summary
