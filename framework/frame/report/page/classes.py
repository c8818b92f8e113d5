"""Figures of each class, where there are several."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from frame.report.page.headline import OF_CLASS
from frame.report.page.images import colour, swatch
from frame.report.page.markup import Html, Section, joined, number, section, table, tag

if TYPE_CHECKING:
    from frame.report.page.record import RunRecord


def classes(record: RunRecord) -> Section | None:
    """A row a class with a bar for its first figure; nothing for binary work."""
    metrics = {label: values for label in record.config.get("metrics", {}) if (values := _of(record, label))}
    if not metrics:
        return None
    first, *_ = metrics.values()
    count = min(map(len, metrics.values()))
    titles = record.classes if len(record.classes) == count else [f"{OF_CLASS}{index}" for index in range(count)]
    rows = [
        [_named(titles[index], index), _bar(first[index]), *(number(values[index]) for values in metrics.values())]
        for index in range(count)
    ]
    head = ["class", "", *metrics]
    told = "Areas summed over all validation images; a dash where a class is in neither mask nor prediction."
    return section("classes", "Classes", tag("p", told, class_="lead"), table("Figures of each class", head, rows))


def _named(title: str, index: int) -> Html:
    return joined(swatch(colour(index)), title)


def _of(record: RunRecord, label: str) -> list[float]:
    """A metric's figures of single classes, in their order."""
    inner = {key.partition("/")[2]: value for key, value in record.figures.items() if key.startswith(f"{label}/")}
    named = [inner[name] for name in record.classes if name in inner]
    return named or [value for key, value in inner.items() if key.startswith(OF_CLASS)]


def _bar(value: float) -> Html:
    width = 0.0 if not math.isfinite(value) else 100 * max(0.0, min(1.0, value))
    return tag("td", tag("span", tag("span", style=f"width:{width:.1f}%"), class_="bar"), class_="barred")
