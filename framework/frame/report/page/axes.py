"""Axes of a chart: scales and ticks, written by hand so that a page needs no library to draw it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from frame.report.page.markup import Html, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LEFT, RIGHT, TOP, BOTTOM = 48.0, 12.0, 14.0, 30.0
_TICKS = 4
_GLYPH = 6.2  # width of a letter of the charts' type


@dataclass(frozen=True, slots=True)
class Axes:
    """From values to places in a picture of ``width`` x ``height``; x counts epochs."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: float = 360.0
    height: float = 200.0
    logarithmic: bool = False
    bottom: float = BOTTOM
    left: float = LEFT

    def across(self, value: float) -> float:
        low, high = self.x
        return self.left + (value - low) / ((high - low) or 1) * (self.width - self.left - RIGHT)

    def up(self, value: float) -> float:
        low, high = self.y
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, low))
        share = (value - low) / ((high - low) or 1)
        return self.floor - share * (self.floor - TOP)

    @property
    def floor(self) -> float:
        return self.height - self.bottom

    def path(self, points: Iterable[tuple[float, float]]) -> str:
        """The line through the points as SVG's ``d``, broken where a value is no number."""
        words, pen = [], "M"
        for x, y in points:
            if math.isfinite(y):
                words.append(f"{pen}{self.across(x):.1f} {self.up(y):.1f}")
                pen = "L"
            else:
                pen = "M"
        return "".join(words)

    def grid(self) -> list[Html]:
        """Lines and labels of the values, and the numbers of epochs beneath."""
        values = decades(self.y) if self.logarithmic else ticks(self.y)
        drawn = []
        for value, text in zip(values, labels(values, logarithmic=self.logarithmic), strict=True):
            at = self.up(value)
            drawn.append(tag("path", d=f"M{self.left:g} {at:.1f}H{self.width - RIGHT:g}", class_="grid"))
            drawn.append(tag("text", text, x=self.left - 6, y=at + 3.5, text_anchor="end", class_="tick"))
        return drawn + self.epochs()

    def epochs(self) -> list[Html]:
        """The numbers of whole epochs along the foot."""
        most = max(2, int((self.width - self.left) / 48))
        whole = [value for value in ticks(self.x, most) if value == int(value)]
        at = self.floor + 15
        return [
            tag("text", f"{value:.0f}", x=self.across(value), y=at, text_anchor="middle", class_="tick")
            for value in whole
        ]

    def stages(self, boundaries: Sequence[tuple[float, str]], floor: float | None = None) -> list[Html]:
        """A line where each stage but the first begins, and the stages' names where they fit."""
        drawn = []
        edges = [at for at, _ in boundaries] + [self.x[1]]
        for (at, name), end in zip(boundaries, edges[1:], strict=True):
            place = self.across(at)
            if at > self.x[0]:
                drawn.append(tag("path", d=f"M{place:.1f} {TOP - 8:g}V{floor or self.floor:g}", class_="stage"))
            if len(boundaries) > 1 and len(name) * _GLYPH < self.across(end) - place - 4:
                drawn.append(tag("text", name, x=place + 4, y=TOP - 3, class_="name"))
        return drawn


def ticks(span: tuple[float, float], most: int = _TICKS) -> list[float]:
    """Round values within ``span``, at most ``most`` + 1 of them."""
    low, high = span
    if high <= low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def decades(span: tuple[float, float]) -> list[float]:
    """Powers of ten within ``span``, and between them what is needed for two."""
    first, last = math.floor(math.log10(span[0])), math.ceil(math.log10(span[1]))
    for factors in ((1,), (1, 3), (1, 2, 5)):
        found = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
        found = [value for value in found if span[0] <= value <= span[1]]
        if len(found) > 1:
            break
    return found


def labels(values: Sequence[float], *, logarithmic: bool = False) -> list[str]:
    """The values with as many decimals as tell them apart."""
    largest = max(map(abs, values), default=0)
    if logarithmic or (0 < largest < 1e-3) or largest >= 1e5:
        return [
            f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-").replace("e+0", "e") if value else "0"
            for value in values
        ]
    step = min((abs(b - a) for a, b in pairwise(values)), default=largest or 1)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
    if round(step * 10**decimals, 6) % 1:
        decimals += 1
    return [f"{value:.{decimals}f}" for value in values]


def room(values: Iterable[float], share: float = 0.06) -> tuple[float, float]:
    """A span that holds all values that are numbers, with some room around; from 0 where it is near."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    wide = (high - low) or abs(high) * 0.1 or 1.0
    bottom = low - share * wide
    return (0.0 if low >= 0 and low < 0.35 * wide else bottom), high + share * wide
