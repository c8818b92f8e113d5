"""Training samples as a picture: a row for each image, as it is and as training sees it, with the mask's outline."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from frame.data.colours import CLASS_COLOURS, YELLOW
from frame.data.files import encoded
from frame.data.verdicts import IGNORED
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from frame.report.samples import Shown

Picture = npt.NDArray[np.uint8]  # [H, W, 3] RGB
Colours = list[tuple[int, ...]]  # by the index of a class

TILE, GAP, GROUP, MARGIN = 216, 6, 18, 24  # pixels: a picture's side, between draws, beside an image, around all
TITLE, NOTE, HEADING, CAPTION, LEGEND = 26, 30, 24, 30, 24  # heights of lines of text
BACKGROUND, BOX, INK, QUIET, CASING = (255, 255, 255), (238, 238, 238), (34, 34, 34), (112, 112, 112), (20, 20, 20)
STRIPES = 12  # pixels' width, where the mask is ignored
FINE = 2  # times the size, at which outlines are drawn
FONT = cv2.FONT_HERSHEY_SIMPLEX


class _Tile(NamedTuple):
    picture: Picture
    heading: str
    space: int
    """Before it, to its left."""
    caption: str = ""


def draw(rows: Sequence[Shown], title: str, note: str, classes: Sequence[str], path: Path) -> None:
    """Write the sheet as a PNG file.

    Raises
    ------
    UserError
        If the file can't be written.
    """
    data = encoded(".png", sheet(rows, title, note, classes))
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UserError(f"cannot write the picture {path}: {error.strerror or error}") from None


def sheet(rows: Sequence[Shown], title: str, note: str, classes: Sequence[str] = ()) -> Picture:
    """All rows on one sheet; ``classes`` by index, the background first, where there are several."""
    colours = _colours(several=bool(classes))
    lines = [list(_tiles(row, colours)) for row in rows]
    lefts = [space + TILE * index for index, space in enumerate(accumulate(tile.space for tile in lines[0]))]
    top = MARGIN + TITLE + NOTE + HEADING
    width = max(lefts[-1] + TILE, MARGIN + _width(title, 0.62), MARGIN + _width(note, 0.44)) + MARGIN
    height = top + len(lines) * (TILE + CAPTION) + (LEGEND if classes else 0) + MARGIN // 2
    canvas = np.full((height, width, 3), BACKGROUND, np.uint8)
    _write(canvas, title, MARGIN, MARGIN + 14, INK, 0.62)
    _write(canvas, note, MARGIN, MARGIN + TITLE + 10, QUIET)
    for tile, left in zip(lines[0], lefts, strict=True):
        _write(canvas, tile.heading, left, top - 8, INK)
    for tiles in lines:
        for tile, left in zip(tiles, lefts, strict=True):
            canvas[top : top + TILE, left : left + TILE] = tile.picture
            _write(canvas, _fitted(tile.caption, TILE), left, top + TILE + 15, QUIET, 0.4)
        top += TILE + CAPTION
    if classes:
        _legend(canvas, rows, classes, top)
    return canvas


def _colours(*, several: bool) -> Colours:
    """Those of classes; what is seen best if there is one kind of object."""
    return [tuple(colour) for colour in CLASS_COLOURS.tolist()] if several else [YELLOW] * len(CLASS_COLOURS)


def _tiles(row: Shown, colours: Colours) -> Iterator[_Tile]:
    """The image and what is seen of it in each epoch; of a fresh set there is another image for each."""
    fresh = len(row.originals) > 1
    for epoch, seen in enumerate(row.draws):
        if fresh or not epoch:
            image, mask, name = row.originals[epoch]
            yield _Tile(_boxed(image, mask, colours), "image", GROUP if epoch else MARGIN, name)
        space = GROUP if not fresh and not epoch else GAP
        yield _Tile(_outlined(*seen, (TILE, TILE), colours), f"epoch {epoch + 1}", space)


def _boxed(image: Picture, mask: npt.NDArray[np.uint8], colours: Colours) -> Picture:
    """An image of any shape in the middle of a square."""
    rows, columns = mask.shape
    scale = TILE / max(rows, columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    box = np.full((TILE, TILE, 3), BOX, np.uint8)
    left, top = (TILE - size[0]) // 2, (TILE - size[1]) // 2
    box[top : top + size[1], left : left + size[0]] = _outlined(image, mask, size, colours)
    return box


def _outlined(image: Picture, mask: npt.NDArray[np.uint8], size: tuple[int, int], colours: Colours) -> Picture:
    """``[h, w, 3]`` at ``size = (width, height)`` with the outline of each class; what is ignored is striped."""
    large = FINE * size[0], FINE * size[1]
    how = cv2.INTER_AREA if image.shape[1] > large[0] else cv2.INTER_LINEAR
    picture: Any = np.ascontiguousarray(cv2.resize(image, large, interpolation=how))
    across, down = np.meshgrid(np.arange(large[0]), np.arange(large[1]))
    ignored = cv2.resize(mask, large, interpolation=cv2.INTER_NEAREST_EXACT) == IGNORED
    picture[ignored & ((across + down) // STRIPES % 2 == 0)] = QUIET
    outlines = {}
    for index in set(np.unique(mask).tolist()) - {0, IGNORED}:
        area = cv2.resize((mask == index).astype(np.float32), large, interpolation=how) > 0.5
        outlines[index] = cv2.findContours(area.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
    for contours in outlines.values():
        cv2.drawContours(picture, contours, -1, CASING, 3 * FINE, cv2.LINE_AA)
    for index, contours in outlines.items():
        cv2.drawContours(picture, contours, -1, colours[index], 3 * FINE // 2, cv2.LINE_AA)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _legend(canvas: Picture, rows: Sequence[Shown], classes: Sequence[str], top: int) -> None:
    """The classes on the sheet, each after a line of its colour."""
    masks = [each.mask for row in rows for each in row.originals] + [each.mask for row in rows for each in row.draws]
    shown = {index for mask in masks for index in np.unique(mask).tolist()}
    left = MARGIN
    for index in sorted(shown - {0, IGNORED}):
        name = classes[index] if index < len(classes) else str(index)
        if left + _width(name) + 60 > canvas.shape[1]:
            _write(canvas, "...", left, top + 12, INK)
            return
        canvas[top + 6 : top + 10, left : left + 20] = CLASS_COLOURS[index]
        _write(canvas, name, left + 27, top + 12, INK)
        left += _width(name) + 52


def _fitted(text: str, width: int) -> str:
    """The end of ``text``, which tells ids apart, as far as ``width`` pixels hold it."""
    shown = text
    while shown and _width(shown, 0.4) > width:
        text = text[1:]
        shown = f"..{text}"
    return shown


def _width(text: str, scale: float = 0.44) -> int:
    return int(cv2.getTextSize(text, FONT, scale, 1)[0][0])


def _write(canvas: Picture, text: str, left: int, base: int, colour: tuple[int, int, int], scale: float = 0.44) -> None:
    cv2.putText(canvas, text, (left, base), FONT, scale, colour, 1, cv2.LINE_AA)
