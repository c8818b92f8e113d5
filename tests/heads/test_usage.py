"""Figures of how a router uses its experts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from frame import catalog
from frame.config.bind import bind_component
from frame.plugin.component import Kind

if TYPE_CHECKING:
    from frame_heads.usage import ExpertUsage

NAMES = {"load.0": ("texture", "edge", "edge_2", "context")}


def usage(*chosen: tuple[int, ...], probabilities: Any = None) -> ExpertUsage:
    """Of images of one level, for each of which these of four experts were chosen."""
    metric: ExpertUsage = bind_component(catalog(), Kind.METRIC, "experts")(num_classes=1)
    for experts in chosen:
        load = np.isin(np.arange(4), experts).astype(np.float32)
        router = np.full(4, 0.25, np.float32) if probabilities is None else np.array(probabilities, np.float32)
        metric.update_extras({"load.0": load, "router.0": router, "depth": load}, NAMES)
    return metric


def test_even_use_is_diverse_without_variation_or_death() -> None:
    found = usage((0, 1), (2, 3)).compute()
    assert next(iter(found)) == "diversity"
    assert found["diversity"] == found["diversity.0"] == pytest.approx(1)
    assert (found["cv"], found["dead"]) == (0, 0)
    assert found["utilization.texture"] == found["utilization.edge_2"] == 1


def test_a_router_that_sends_all_to_two_of_four() -> None:
    metric = usage((0, 1), (0, 1))
    found = metric.compute()
    assert found["diversity"] == pytest.approx(0.5)
    assert (found["cv"], found["dead"]) == (1, 0.5)
    assert (found["utilization.edge"], found["utilization.context"]) == (2, 0)
    assert list(metric.notices()) == ["dead experts: edge_2, context"]
    assert "used: edge_2, context, each" in metric.notices()["dead experts: edge_2, context"]
    assert usage((0, 1), (2, 3)).notices() == {}


def test_an_expert_that_works_at_one_level_is_not_dead() -> None:
    metric = usage((0, 1), (0, 1))
    metric.update_extras({"load.1": np.array([0, 0, 1, 0], np.float32)}, {"load.1": NAMES["load.0"]})
    assert list(metric.notices()) == ["dead experts: context"]


def test_entropy_is_one_for_a_router_that_cannot_tell_and_nothing_for_a_sure_one() -> None:
    assert usage((0,)).compute()["entropy"] == pytest.approx(1)
    assert usage((0,), probabilities=(1, 0, 0, 0)).compute()["entropy"] == pytest.approx(0, abs=1e-9)
    assert usage((0,), probabilities=(0.5, 0.5, 0, 0)).compute()["entropy"] == pytest.approx(0.5)


def test_figures_are_means_over_levels() -> None:
    metric = usage((0, 1), (2, 3))
    for _ in range(2):
        metric.update_extras({"load.1": np.array([1, 0], np.float32)}, {})
    found = metric.compute()
    assert found["diversity"] == pytest.approx((1 + 0.5) / 2)
    assert found["dead.1"] == 0.5
    assert found["utilization.expert_0"] == 2


def test_merged_counts_are_those_of_one_process() -> None:
    images = [(0, 1), (0, 2), (0, 3), (1, 3), (0, 1)]
    merged, nothing = usage(*images[:2]), usage()
    merged.merge(usage(*images[2:]))
    merged.merge(usage())
    nothing.merge(usage(*images))
    assert merged.compute() == nothing.compute() == usage(*images).compute()


def test_a_head_without_router_has_no_figures() -> None:
    found = usage().compute()
    assert found.keys() == {"diversity"}
    assert math.isnan(found["diversity"])
