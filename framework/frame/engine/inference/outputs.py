"""Where predictions are written, file by file, and what is there and whole already."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np

from frame.data.colours import CLASS_COLOURS
from frame.data.images import read_image
from frame.engine.inference.drawn import Style, classes_of, mask_file, overlay_file, probability_file
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    from frame.engine.inference.inputs import Input
    from frame.engine.inference.predictor import Predictor

Kind = Literal["mask", "probability", "overlay"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ENDS = {".png": b"IEND\xaeB`\x82", ".jpg": b"\xff\xd9"}


class Job(NamedTuple):
    """An image and the files that are made of it."""

    image: Path
    files: dict[str, Path]
    """By what they hold: ``"mask"``, ``"probability"`` or, for several classes, ``"probability.2"``, ``"overlay"``."""


@dataclass(frozen=True)
class Outputs:
    """What is written for each image, and where: ``<folder>/<kind>/<relative>.png``.

    A probability of several classes is a file a class, in ``probability/<index>-<class>``.
    """

    folder: Path
    kinds: tuple[Kind, ...]
    classes: tuple[str, ...]
    style: Style

    def jobs(self, images: Iterable[Input]) -> list[Job]:
        """What is to be made of each image.

        Raises
        ------
        UserError
            If two images would be written to the same file, or one over an image.
        """
        jobs = [Job(path, self._files(relative)) for path, relative in images]
        sources = {os.path.abspath(job.image) for job in jobs}  # noqa: PTH100 - that of pathlib takes ten times as long
        owners: dict[Path, Path] = {}
        for job in jobs:
            for file in job.files.values():
                other = owners.setdefault(file, job.image)
                if other != job.image:
                    raise UserError(
                        f"{other} and {job.image} would both be written to {file}: give a folder that holds both, "
                        "for what lies below a folder keeps its place, or predict them into different folders"
                    )
                if os.path.abspath(file) in sources:  # noqa: PTH100
                    raise UserError(f"{file} is one of the images and would be written over: choose another -o")
        return jobs

    def _files(self, relative: Path) -> dict[str, Path]:
        files: dict[str, Path] = {}
        for kind in self.kinds:
            if kind == "probability" and self.classes:
                for index, name in enumerate(self.classes):
                    place = self.folder / kind / f"{index}-{_for_file(name)}" / relative
                    files[f"{kind}.{index}"] = place.with_suffix(".png")
            else:
                suffix = ".jpg" if kind == "overlay" else ".png"
                files[kind] = (self.folder / kind / relative).with_suffix(suffix)
        return files

    def write(self, job: Job, probability: npt.NDArray[np.float32]) -> None:
        """Write the files of one image from its ``[K, H, W]``; each appears whole or not at all.

        For an overlay the image is read again: it takes less than keeping all that wait to be written.

        Raises
        ------
        UserError
            If the disk is full or read-only.
        """
        found = classes_of(probability, self.style.threshold)
        binary = not self.classes
        for what, path in job.files.items():
            if what == "mask":
                data = mask_file(found, self.style, binary=binary)
            elif what == "overlay":
                data = overlay_file(read_image(job.image), found, self.style, binary=binary)
            else:
                data = probability_file(probability[int(what.partition(".")[2] or 0)])
            write_whole(path, data)


def is_done(job: Job) -> bool:
    """Whether all files of an image are there and whole, and newer than it."""
    try:
        made = job.image.stat().st_mtime
        return all(path.stat().st_mtime >= made and _is_whole(path) for path in job.files.values())
    except OSError:
        return False


def _is_whole(path: Path) -> bool:
    end = ENDS[path.suffix]
    with path.open("rb") as file:
        file.seek(-len(end), os.SEEK_END)  # an OSError if it is shorter
        return file.read() == end


def _for_file(name: str) -> str:
    """A class's name without what a file's can't have."""
    return re.sub(r"[^\w-]+", "_", name)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises
    ------
    UserError
        If it can't be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(data)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None


def style_of(predictor: Predictor, threshold: float | None) -> Style:
    """The threshold, and the colours of the data set's own masks if its ``palette`` says them.

    Raises
    ------
    UserError
        If there is a threshold for several classes.
    """
    if threshold is not None and predictor.classes:
        raise UserError(f"a threshold is for one class: this model has {', '.join(predictor.classes)}")
    colours = CLASS_COLOURS.copy()
    palette = predictor.saved.config["data"].get("palette") or ()
    if predictor.classes and len(palette) == len(predictor.classes):
        colours[: len(palette)] = np.array(palette, np.uint8)
    return Style(0.5 if threshold is None else threshold, colours)
