"""A chart of figures over the epochs of a run, as SVG within the page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from frame.report.page.axes import RIGHT, TOP, Axes, room
from frame.report.page.markup import Html, number, tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Points = Sequence[tuple[float, float]]

_MOST_POINTS = 320
_APART = 11.0  # pixels between the names of two reference lines
_LABELLED = 40  # epochs up to which each has its dot


@dataclass(frozen=True, slots=True)
class Curve:
    """One figure over a run's epochs."""

    title: str
    values: Sequence[float]
    """Of each epoch, in their order."""
    places: Sequence[str]
    """What each epoch is called, such as ``"epoch 3"``."""
    best: int | None = None
    """Index of the epoch to mark."""
    references: Mapping[str, float] | None = None
    """Values to compare with, by name."""
    fine: Points = ()
    """The same between epochs: epochs that were over, and the value."""
    stages: Sequence[tuple[float, str]] = ()
    wide: bool = False
    note: str = ""


def chart(curve: Curve) -> Html:
    """A figure with its last and best value in words, and every epoch's value where the pointer is."""
    known = [value for value in curve.values if math.isfinite(value)]
    references = {name: value for name, value in (curve.references or {}).items() if math.isfinite(value)}
    fine = thinned(curve.fine)
    size = (720.0, 260.0) if curve.wide else (360.0, 200.0)
    begin = 0.0 if fine else 1.0
    span = (begin, float(max(len(curve.values), 2)))
    axes = Axes(span, room([*known, *references.values(), *(y for _, y in fine)]), *size)
    points = [(float(index + 1), value) for index, value in enumerate(curve.values)]
    drawn = [*axes.grid(), *axes.stages([(max(at, begin), name) for at, name in curve.stages])]
    drawn += _references(axes, references)
    if fine:
        drawn.append(tag("path", d=axes.path(fine), class_="fine"))
    drawn.append(tag("path", d=axes.path(points), class_="line"))
    if len(points) <= _LABELLED:
        drawn += [_dot(axes, point, "dot") for point in points if math.isfinite(point[1])]
    if curve.best is not None and math.isfinite(curve.values[curve.best]):
        drawn.append(_best(axes, points[curve.best]))
    drawn += _bands(axes, curve, points)
    told = _told(curve)
    svg = tag("svg", drawn, viewBox=f"0 0 {size[0]:g} {size[1]:g}", role="img", aria_label=f"{curve.title}: {told}")
    caption = tag("figcaption", tag("b", curve.title), " ", tag("span", told, class_="readout", data_rest=told))
    note = tag("p", curve.note, class_="note") if curve.note else None
    return tag("figure", caption, svg, note, class_="chart wide" if curve.wide else "chart")


def thinned(points: Points, most: int = _MOST_POINTS) -> Points:
    """Means of neighbouring points, so that there are at most ``most``; what is no number is left out."""
    known = [(x, y) for x, y in points if math.isfinite(y)]
    if len(known) <= most:
        return known
    edges = [round(index * len(known) / most) for index in range(most + 1)]
    groups = [known[a:b] for a, b in pairwise(edges)]
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]


def _told(curve: Curve) -> str:
    known = [index for index, value in enumerate(curve.values) if math.isfinite(value)]
    if not known:
        return "no number yet"
    last = known[-1]
    text = f"{number(curve.values[last])} at {curve.places[last]}"
    if curve.best is not None and curve.best in known:
        if curve.best == last:
            return f"best {text}"
        best = f"best {number(curve.values[curve.best])} at {curve.places[curve.best]}"
        return f"{best} \N{MIDDLE DOT} last {number(curve.values[last])}"
    return text


def _references(axes: Axes, references: Mapping[str, float]) -> list[Html]:
    """Dashed lines with their names above; a name that would lie on another moves up."""
    drawn, taken = [], axes.floor + _APART
    for name, value in sorted(references.items(), key=lambda each: each[1]):
        at = axes.up(value)
        drawn.append(tag("path", d=f"M{axes.left:g} {at:.1f}H{axes.width - RIGHT:g}", class_="reference"))
        taken = min(at - 4, taken - _APART)
        drawn.append(tag("text", name, x=axes.width - RIGHT, y=taken, text_anchor="end", class_="name halo"))
    return drawn


def _dot(axes: Axes, point: tuple[float, float], kind: str, radius: float = 2.2) -> Html:
    return tag("circle", cx=axes.across(point[0]), cy=axes.up(point[1]), r=radius, class_=kind)


def _best(axes: Axes, point: tuple[float, float]) -> Html:
    return tag("g", _dot(axes, point, "ring", 6.0), _dot(axes, point, "best", 3.4), class_="mark")


def _bands(axes: Axes, curve: Curve, points: Points) -> list[Html]:
    """For each epoch a strip that shows its value to the pointer, or to a finger by the page's script."""
    half = (axes.across(1) - axes.across(0)) / 2
    strips = []
    for (x, y), place in zip(points, curve.places, strict=True):
        text = f"{number(y)} at {place}"
        left, right = max(axes.left, axes.across(x) - half), min(axes.width, axes.across(x) + half)
        area = tag("rect", x=left, y=TOP, width=max(1.0, right - left), height=axes.floor - TOP, class_="area")
        shown = [tag("path", d=f"M{axes.across(x):.1f} {TOP:g}V{axes.floor:g}", class_="cross")]
        if math.isfinite(y):
            shown.append(_dot(axes, (x, y), "dot", 4.0))
        strips.append(tag("g", tag("title", text), area, shown, class_="band", data_text=text))
    return strips
