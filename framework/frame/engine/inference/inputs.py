"""The images that a person means by files, folders and patterns, and where each stands in its folder."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from frame.data.files import IMAGE_SUFFIXES
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Input(NamedTuple):
    """An image to predict."""

    path: Path
    relative: Path
    """Below the folder that was given, or the part of a pattern before its first wildcard; of a file its name."""


def find_inputs(given: Iterable[str | Path], output: Path) -> list[Input]:
    """The images of files, of folders with all that is below them, and of patterns such as ``"photos/**/*.jpg"``.

    What lies below ``output`` is none of them, nor is what is hidden or not called like an image, unless a file is
    given by its name.

    Raises
    ------
    UserError
        If one is not there or holds no image.
    """
    found: dict[Input, None] = {}  # in order, and what was given twice once
    for each in given:
        if Path(each).absolute() == output.absolute():
            raise UserError(f"{output} holds the images: the next call would predict its masks too; choose another -o")
        count = len(found)
        images = list(_images_of(str(each), output.absolute()))
        found |= dict.fromkeys(images)
        if len(found) == count and not images:
            raise UserError(f"{each} holds no image: {', '.join(sorted(IMAGE_SUFFIXES))} are looked for")
    return list(found)


def _images_of(given: str, output: Path) -> Iterator[Input]:
    path = Path(given)
    if path.is_dir():
        yield from _below(path, path, output)
    elif path.is_file():
        yield Input(path, Path(path.name))
    elif glob.has_magic(given):
        fixed = _before_wildcards(path)
        for match in map(Path, sorted(glob.glob(given, recursive=True))):  # noqa: PTH207 - pathlib follows no links
            if _is_image(match) and output not in match.absolute().parents:
                yield from _entry(match, fixed, output)
    else:
        raise UserError(f"there is no {given}: give images, folders of images, or patterns such as 'photos/*.jpg'")


def _below(folder: Path, top: Path, output: Path) -> Iterator[Input]:
    for entry in sorted(folder.iterdir()):
        if entry.absolute() != output and (_is_image(entry) or (entry.is_dir() and not entry.name.startswith("."))):
            yield from _entry(entry, top, output)


def _entry(path: Path, top: Path, output: Path) -> Iterator[Input]:
    inside = list(_below(path, top, output)) if path.is_dir() and not _is_loop(path) else []
    yield from inside
    if _is_image(path) and not inside:  # a folder that is called like an image will be named as one that can't be read
        yield Input(path, path.relative_to(top))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _is_loop(folder: Path) -> bool:
    """Whether a link leads back to a folder that it lies in."""
    return folder.is_symlink() and folder.resolve() in folder.absolute().parents


def _before_wildcards(pattern: Path) -> Path:
    parts = pattern.parts
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first]) if first else Path(os.curdir)
