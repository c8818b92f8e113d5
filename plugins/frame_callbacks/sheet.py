"""Drawing samples side by side, each a column of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import cv2
import numpy as np
import numpy.typing as npt

from frame import CLASS_COLOURS, VERDICT_COLOURS, draw_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame import Sample

Picture = npt.NDArray[np.uint8]  # [H, W, 3] RGB
Entry = tuple[str, Any]  # of a legend: what a colour means, and the colour

BACKGROUND, INK = (255, 255, 255), (40, 40, 40)
GAP, LINE, LABEL = 6, 22, 78  # pixels: between pictures, a line of text, the column of row names
ROWS = ("image", "mask", "prediction", "errors")
SWATCH = 36  # a coloured square and the space about it, in the legend
FONT, SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.4
WIDEST = 3  # times the height: a panorama is squeezed


class Column(NamedTuple):
    """One sample, small: what the sheet keeps of it."""

    title: str
    pictures: tuple[Picture, ...]
    """One for each of ``ROWS``, all of one size."""
    verdicts: tuple[str, ...]
    """The errors that its task knows, for the legend."""

    @classmethod
    def of(cls, sample: Sample, probability: npt.NDArray[np.float32], height: int) -> Self:
        """From a sample at its own size and its probability ``[K, H, W]``."""
        rows, columns = sample.mask.shape
        width = min(max(1, round(columns * height / rows)), WIDEST * height)

        def small(array: npt.NDArray[Any], how: int) -> npt.NDArray[Any]:
            return cv2.resize(array, (width, height), interpolation=how)

        how = cv2.INTER_AREA if rows > height else cv2.INTER_LINEAR
        image = small(sample.image, how)
        truth = small(sample.mask, cv2.INTER_NEAREST_EXACT)
        planes = np.stack([small(plane, how) for plane in probability])
        if len(planes) == 1:
            found = (planes[0] > 0.5).astype(np.uint8)
            greys = np.where(truth > 0, 255, 0), np.rint(planes[0] * 255)
            mask, prediction = (np.repeat(grey[..., None].astype(np.uint8), 3, axis=2) for grey in greys)
            verdicts = tuple(verdict for verdict in VERDICT_COLOURS if verdict != "wrong class")
        else:
            found = planes.argmax(axis=0).astype(np.uint8)
            mask, prediction = CLASS_COLOURS[truth], CLASS_COLOURS[found]
            verdicts = tuple(VERDICT_COLOURS)
        return cls(sample.id, (image, mask, prediction, draw_errors(image, truth, found)), verdicts)


def sheet(columns: Sequence[Column], title: str, classes: Sequence[str] = ()) -> Picture:
    """All columns on one sheet: a title, row names to the left, ids above, the meaning of colours below."""
    height = columns[0].pictures[0].shape[0]
    widths = [column.pictures[0].shape[1] for column in columns]
    verdicts = [(text, VERDICT_COLOURS[text]) for text in columns[0].verdicts]
    longest = max(sum(widths) + GAP * len(columns), _length(verdicts), _width(title))
    legends = [verdicts, *_lines([(name, CLASS_COLOURS[index]) for index, name in enumerate(classes)], longest)]
    total = LABEL + max(longest, *map(_length, legends))
    top = 2 * LINE
    bottom = top + len(ROWS) * (height + GAP) + GAP
    canvas = np.full((bottom + len(legends) * LINE, total, 3), BACKGROUND, np.uint8)
    _write(canvas, title, GAP, LINE - 7)
    for number, row in enumerate(ROWS):
        _write(canvas, row, GAP, top + number * (height + GAP) + height // 2)
    left = LABEL
    for column, width in zip(columns, widths, strict=True):
        _write(canvas, _fitted(column.title, width), left, top - 7)
        for number, picture in enumerate(column.pictures):
            upper = top + number * (height + GAP)
            canvas[upper : upper + height, left : left + width] = picture
        left += width + GAP
    for number, legend in enumerate(legends):
        _legend(canvas, legend, bottom + number * LINE)
    return canvas


def _lines(entries: Sequence[Entry], longest: int) -> list[list[Entry]]:
    """A legend's entries on lines of at most ``longest`` pixels, at least one on each."""
    lines: list[list[Entry]] = []
    for entry in entries:
        if lines and _length([*lines[-1], entry]) <= longest:
            lines[-1].append(entry)
        else:
            lines.append([entry])
    return lines


def _length(entries: Sequence[Entry]) -> int:
    return sum(_width(text) + SWATCH for text, _ in entries)


def _legend(canvas: Picture, entries: Sequence[Entry], top: int) -> None:
    left = LABEL
    for text, colour in entries:
        canvas[top : top + 12, left : left + 12] = colour
        _write(canvas, text, left + 18, top + 10)
        left += _width(text) + SWATCH


def _fitted(text: str, width: int) -> str:
    """The end of ``text``, which tells ids apart, as far as ``width`` pixels hold it."""
    if _width(text) <= width:
        return text
    while text and _width(f"..{text}") > width:
        text = text[1:]
    return f"..{text}"


def _width(text: str) -> int:
    return int(cv2.getTextSize(text, FONT, SCALE, 1)[0][0])


def _write(canvas: Picture, text: str, left: int, baseline: int) -> None:
    cv2.putText(canvas, text, (left, baseline), FONT, SCALE, INK, 1, cv2.LINE_AA)
