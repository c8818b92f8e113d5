"""Axes and curves, without a run."""

from __future__ import annotations

import math
import re

import pytest
from tests.report.document import parsed

from frame.report.page.axes import Axes, decades, labels, room, ticks
from frame.report.page.chart import Curve, chart, thinned
from frame.report.page.images import picked
from frame.report.page.markup import Html, number, table, tag


@pytest.mark.parametrize("span", [(0.0, 1.0), (0.137, 0.139), (-5.0, 1200.0), (1.0, 28.0), (0.0, 1e-6), (3.0, 3.0)])
def test_ticks_are_few_round_and_within(span: tuple[float, float]) -> None:
    found = ticks(span)
    assert 1 <= len(found) <= 5
    assert all(span[0] - 1e-12 <= value <= span[1] + 1e-12 for value in found)
    assert len(set(labels(found))) == len(found)
    assert all(
        float(text) == pytest.approx(value, rel=1e-6, abs=1e-15)
        for text, value in zip(labels(found), found, strict=True)
    )


@pytest.mark.parametrize("span", [(1e-6, 3e-3), (1e-4, 9e-4), (2e-5, 2e-2)])
def test_a_logarithmic_axis_has_two_ticks_at_least(span: tuple[float, float]) -> None:
    assert len(decades(span)) >= 2
    assert all(span[0] <= value <= span[1] for value in decades(span))


def test_points_lie_within_the_axes_and_gaps_stay_gaps() -> None:
    axes = Axes((1, 4), room([1.0, 2.0]))
    path = axes.path([(1, 1.0), (2, math.nan), (3, 2.0), (4, 1.5)])
    assert path.count("M") == 2
    places = [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]
    assert all(0 <= x <= axes.width and 0 <= y <= axes.height for x, y in places)
    assert places[0][1] > places[1][1]  # more is higher


@pytest.mark.parametrize(
    "values", [[], [0.5], [math.nan], [math.nan, 0.3], [0.0, 0.0], [1e9, -1e9], [1 / n for n in range(1, 501)]]
)
def test_any_history_makes_a_chart(values: list[float]) -> None:
    places = [f"epoch {index + 1}" for index in range(len(values))]
    drawn = chart(Curve("a < b", values, places, len(values) - 1 if values else None, {"guess": 0.4, "none": math.nan}))
    tree = parsed(f"<!doctype html>\n{drawn}")
    assert next(tree.all("b")).text == "a < b"
    numbers = re.findall(r"[-\d.]+", " ".join(each.attributes.get("d") or "" for each in tree.all("path")))
    assert numbers
    assert all(-50 < float(each) < 500 for each in numbers)
    assert "nan" not in drawn


def test_the_name_of_a_reference_keeps_off_the_curve() -> None:
    flat = [0.5] * 10
    drawn = chart(Curve("x", [0.1, 0.2, 0.3, 0.4, *flat], ["e"] * 14, None, {"mean mask": 0.49}))
    (name,) = parsed(f"<!doctype html>\n{drawn}").by_class("halo")
    assert name.attributes["text-anchor"] == "start"  # at the right the curve lies on it


def test_many_steps_are_thinned_to_means() -> None:
    points = [(float(index), float(index % 2)) for index in range(10_000)]
    found = thinned(points)
    assert len(found) <= 320
    assert all(0.4 < value < 0.6 for _, value in found)
    assert thinned([(0.0, math.nan), (1.0, 2.0)]) == [(1.0, 2.0)]


def test_text_is_escaped_everywhere_and_markup_is_not_twice() -> None:
    assert tag("p", "<b> & 'c'", title='"<') == "<p title=\"&quot;&lt;\">&lt;b&gt; &amp; 'c'</p>"
    assert tag("p", Html("<i>"), None, [tag("br")]) == "<p><i><br></p>"
    found = table("<cap>", ["<h>"], [["<r>"]])
    assert "<cap>" not in found
    assert "<h>" not in found
    assert "<r>" not in found


def test_figures_that_are_none_and_tiny_ones_are_told() -> None:
    assert number(math.nan) == number(None) == number(math.inf) == "\N{EN DASH}"
    assert (number(0.0), number(0.12345), number(1e-7)) == ("0.0000", "0.1235", "1.00e-07")


def test_few_images_are_shared_out_without_repeats() -> None:
    for count in range(1, 20):
        groups = picked(list(range(count)), 4)  # type: ignore[arg-type]
        shown = [each for row in groups.values() for each in row]
        assert len(set(shown)) == len(shown)
        assert groups["Best"][0] == 0
        assert count < 2 or groups["Worst"][0] == count - 1
        assert len(shown) == min(12, count) or count < 12
