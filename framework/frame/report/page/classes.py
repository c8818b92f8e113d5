"""Figures of each class, where there are several."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from frame.report.page.markup import Html, Section, number, section, table, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame.report.page.record import RunRecord

PREFIX = "class_"


def classes(record: RunRecord, names: Sequence[str]) -> Section | None:
    """A row a class with a bar for its first figure; nothing for binary work."""
    metrics = {label: found for label in record.config.get("metrics", {}) if (found := _of(record, label, names))}
    if not metrics:
        return None
    first = next(iter(metrics.values()))
    count = len(first)
    titles = list(names) or list(first)
    rows = [
        [titles[index] if index < len(titles) else f"{PREFIX}{index}", _bar(list(first.values())[index])]
        + [number(list(found.values())[index]) for found in metrics.values() if len(found) == count]
        for index in range(count)
    ]
    head = ["class", "", *(label for label, found in metrics.items() if len(found) == count)]
    told = "Areas summed over all validation images; a dash where a class is in neither mask nor prediction."
    return section("classes", "Classes", tag("p", told, class_="lead"), table("Figures of each class", head, rows))


def _of(record: RunRecord, label: str, names: Sequence[str]) -> dict[str, float]:
    """A metric's figures of single classes, in their order."""
    inner = {key.partition("/")[2]: value for key, value in record.figures.items() if key.startswith(f"{label}/")}
    if found := {key: value for key, value in inner.items() if key.startswith(PREFIX)}:
        return found
    return {name: inner[name] for name in names} if names and all(name in inner for name in names) else {}


def _bar(value: float) -> Html:
    width = 0.0 if not math.isfinite(value) else 100 * max(0.0, min(1.0, value))
    return tag("td", tag("span", tag("span", style=f"width:{width:.1f}%"), class_="bar"), class_="barred")
