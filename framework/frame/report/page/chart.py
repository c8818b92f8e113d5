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
_GLYPH, _HIGH = 6.5, 9.0  # a letter's width and height
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


def chart(curve: Curve) -> Html:
    """A figure with its last and best value in words, and every epoch's value where the pointer is."""
    known = [value for value in curve.values if math.isfinite(value)]
    references = {name: value for name, value in (curve.references or {}).items() if math.isfinite(value)}
    fine = thinned(curve.fine)
    begin = 0.0 if fine else 1.0
    span = (begin, float(max(len(curve.values), 2)))
    axes = Axes(span, room([*known, *references.values(), *(y for _, y in fine)]))
    points = [(float(index + 1), value) for index, value in enumerate(curve.values)]
    drawn = [*axes.grid(), *axes.stages(_stages(curve, begin))]
    drawn += _references(axes, references, points)
    if fine:
        drawn.append(tag("path", d=axes.path(fine), class_="fine"))
    drawn.append(tag("path", d=axes.path(points), class_="line"))
    if len(points) <= _LABELLED:
        drawn += [_dot(axes, point, "dot") for point in points if math.isfinite(point[1])]
    if curve.best is not None and math.isfinite(curve.values[curve.best]):
        drawn.append(_best(axes, points[curve.best]))
    drawn += _bands(axes, curve, points)
    told = _told(curve)
    svg = tag(
        "svg", drawn, viewBox=f"0 0 {axes.width:g} {axes.height:g}", role="img", aria_label=f"{curve.title}: {told}"
    )
    caption = tag("figcaption", tag("b", curve.title), " ", tag("span", told, class_="readout", data_rest=told))
    return tag("figure", caption, svg, class_="chart")


def _stages(curve: Curve, begin: float) -> list[tuple[float, str]]:
    """Where stages begin: between two epochs' values, or at the step where there are those of steps."""
    shift = 0.0 if curve.fine else 0.5
    return [(at + shift if at else begin, name) for at, name in curve.stages]


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
            return f"best checkpoint {text}"
        best = f"best checkpoint {number(curve.values[curve.best])} (epoch {curve.best + 1})"
        return f"{best}, last {number(curve.values[last])}"
    return text


def _references(axes: Axes, references: Mapping[str, float], points: Points) -> list[Html]:
    """Dashed lines with their names, each where neither the curve nor another name is, if there is such a place."""
    drawn = []
    taken = _along([(axes.across(x), axes.up(y)) for x, y in points if math.isfinite(y)])
    for name, value in sorted(references.items(), key=lambda each: -each[1]):
        at, width = axes.up(value), len(name) * _GLYPH
        drawn.append(tag("path", d=f"M{axes.left:g} {at:.1f}H{axes.width - RIGHT:g}", class_="reference"))
        places = [
            (left, low)
            for low in (at - 4, at + _HIGH + 2)
            for left in (axes.width - RIGHT - width, axes.left + 4)
            if TOP + _HIGH / 2 < low < axes.floor
        ]
        left, low = min(places or [(axes.left + 4, at - 4)], key=lambda each: _hidden(each, width, taken))
        taken += [(left + width * share / 4, low - _HIGH / 2) for share in range(5)]
        right = left > axes.left + 4  # written to the edge, however wide a reader's letters are
        x, anchor = (left + width, "end") if right else (left, "start")
        drawn.append(tag("text", name, x=x, y=low, text_anchor=anchor, class_="name halo"))
    return drawn


def _hidden(place: tuple[float, float], width: float, taken: Points) -> int:
    """How many of the points lie where a name would be written."""
    left, low = place
    return sum(left - 4 < x < left + width + 4 and low - _HIGH - 3 < y < low + 3 for x, y in taken)


def _along(points: Points, step: float = 4.0) -> list[tuple[float, float]]:
    """Places on the line through ``points``, a few pixels apart."""
    found = list(points)
    for (x, y), (to_x, to_y) in pairwise(points):
        count = int((to_x - x) / step)
        found += [(x + (to_x - x) * n / count, y + (to_y - y) * n / count) for n in range(1, count)]
    return found


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
