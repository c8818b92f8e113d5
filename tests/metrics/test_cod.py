from __future__ import annotations

import json
import math
import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.metrics import oracle

import frame
from frame.plugin.component import Kind
from frame_metrics.truth import memory

REFS = os.environ.get("FRAME_METRIC_REFS")
EQUAL = 1e-9


@pytest.fixture(autouse=True)
def nothing_kept():
    memory.forget()


@pytest.fixture
def pairs():
    return list(oracle.pairs())


def counted(metric, pairs):
    for levels, mask in pairs:
        metric.update((levels / np.float32(255))[None].astype(np.float32), mask)
    return metric


def figures(metric, pairs):
    """All nine by their own names."""
    return counted(metric("cod"), pairs).compute()


def test_every_pair_scores_what_pysodmetrics_gives_it(metric, pairs):
    expected = oracle.kept()
    assert len(expected) == len(pairs) == oracle.PAIRS
    undefined = 0
    for number, (pair, theirs) in enumerate(zip(pairs, expected, strict=True)):
        ours = figures(metric, [pair])
        if math.isnan(theirs["s"]):
            undefined += 1
            theirs.pop("s")
            assert 0 <= ours.pop("s") <= 1
        assert ours == pytest.approx(theirs, abs=EQUAL, rel=0), number
    assert 0 < undefined < 50


def test_pysodmetrics_says_so_today(metric, pairs):
    pytest.importorskip("py_sod_metrics", reason="pysodmetrics is not installed")
    for pair, kept in zip(pairs, oracle.kept(), strict=True):
        assert oracle.by_pysodmetrics([pair]) == pytest.approx(kept, abs=1e-12, rel=0, nan_ok=True)
    defined = [pair for pair, kept in zip(pairs, oracle.kept(), strict=True) if not math.isnan(kept["s"])]
    assert figures(metric, defined) == pytest.approx(oracle.by_pysodmetrics(defined), abs=EQUAL, rel=0)


def test_an_object_in_the_last_row_or_column_alone_has_an_s_measure(metric):
    mask, levels = np.zeros((6, 8), np.uint8), np.zeros((6, 8), np.uint8)
    mask[5, 2:5] = levels[5, 2:5] = 1
    assert figures(metric, [(levels * 255, mask)])["s"] == pytest.approx(1)
    assert figures(metric, [(levels.T * 255, mask.T.copy())])["s"] == pytest.approx(1)


@pytest.mark.skipif(not REFS, reason="FRAME_METRIC_REFS names no folder with published maps")
@pytest.mark.parametrize("toolbox", ["codtoolbox_cod10k", "pysodmetrics"])
def test_published_maps_score_what_was_published(metric, toolbox):
    root = Path(str(REFS)) / toolbox
    at = {"codtoolbox_cod10k": ("gt", "preds/SINet"), "pysodmetrics": ("test_data/masks", "test_data/preds")}[toolbox]
    masks = sorted((root / at[0]).glob("*.png"))
    images = [(cv2.imread(root / at[1] / file.name, 0), (cv2.imread(file, 0) > 128).astype(np.uint8)) for file in masks]
    assert len(images) == 3
    found = figures(metric, images)
    if toolbox == "pysodmetrics":
        told = json.loads((root / "version_performance.json").read_text())["v1_4_3"]
        names = ("Smeasure", "meanEm", "maxEm", "adpEm", "meanFm", "maxFm", "adpFm", "wFmeasure", "MAE")
        assert found == pytest.approx({name: told[key] for name, key in zip(found, names, strict=True)}, abs=EQUAL)
    else:
        told = dict(
            item.strip(" .\n").split(":") for item in (root / "result.txt").read_text().split(") ")[1].split(";")
        )
        names = ("Smeasure", "meanEm", "maxEm", "adpEm", "meanFm", "maxFm", "adpFm", "wFmeasure", "MAE")
        assert {key: f"{found[name]:.3f}" for name, key in zip(found, names, strict=True)} == told


def test_a_map_is_stretched_and_rounded_to_8_bits_first(metric, pairs):
    levels, mask = next(pair for pair in pairs if len(np.unique(pair[0])) > 20 and 5 < pair[1].sum() < 100)
    low, high = int(levels.min()), int(levels.max())
    full = np.rint((levels.astype(float) - low) / (high - low) * 255)  # what its file would hold
    narrow = (0.3 + full / 255 * 0.0612345).astype(np.float32)
    wanted = figures(metric, [(full.astype(np.uint8), mask)])
    (faint := metric("cod")).update(narrow[None], mask)
    assert faint.compute() == pytest.approx(wanted, abs=1e-12)


def test_a_saved_map_that_does_not_use_all_levels_is_not_rounded_again(metric):
    rng = np.random.default_rng(0)
    levels, mask = rng.integers(7, 21, (40, 50)).astype(np.uint8), (rng.random((40, 50)) > 0.7).astype(np.uint8)
    error = np.abs((levels - 7.0) / 13 - mask).mean()
    assert figures(metric, [(levels, mask)])["mae"] == pytest.approx(error, abs=1e-12)


def test_what_is_no_number_is_no_foreground(metric):
    probability, mask = np.full((1, 4, 4), np.nan, np.float32), np.ones((4, 4), np.uint8)
    probability[0, :2] = 1
    (spoilt := metric("cod")).update(probability, mask)
    assert spoilt.compute()["mae"] == 0.5


def test_mean_and_maximum_are_of_the_whole_sets_curve(metric):
    mask = np.zeros((20, 20), np.uint8)
    mask[5:15, 5:15] = 1
    ramp = np.full((20, 20), 255, np.uint8)
    strict, lax = mask * np.uint8(200), np.where(mask, 255, 200).astype(np.uint8)
    strict[0, 0] = 255
    lax[0, 0] = 0
    both = figures(metric, [(strict, mask), (lax, mask)])
    alone = [figures(metric, [(each, mask)])["f_max"] for each in (strict, lax)]
    assert both["f_max"] < np.mean(alone) - 0.01
    assert figures(metric, [(ramp, mask)])["f_max"] == pytest.approx(1.3 * 0.25 / (0.3 * 0.25 + 1))


def test_figures_come_in_the_order_of_the_config_and_the_first_is_the_main_one(metric, pairs):
    some = counted(metric("cod", 'figures=["wf", "e_max", "f_adaptive"]'), pairs[:40]).compute()
    every = figures(metric, pairs[:40])
    assert list(every) == list(oracle.FIGURES)
    assert list(some) == ["wf", "e_max", "f_adaptive"]
    assert some.items() <= every.items()


def test_distances_are_not_worked_out_where_no_figure_needs_them(metric, pairs):
    counted(metric("cod", 'figures=["s", "mae"]'), pairs)
    assert all(truth.surroundings is None for truth in memory.kept.values())


def test_empty_masks_may_be_left_out(metric, pairs):
    full = [pair for pair in pairs[:60] if pair[1].any()]
    assert len(full) < 60
    assert counted(metric("cod", "count_empty=false"), pairs[:60]).compute() == figures(metric, full)
    assert figures(metric, pairs[:60])["wf"] < figures(metric, full)["wf"]


def test_nothing_seen_is_no_number(metric):
    assert all(map(math.isnan, metric("cod").compute().values()))


def test_any_order_and_any_sharing_out_give_the_same_last_digit(metric, pairs):
    pairs = pairs[::3]
    whole = figures(metric, pairs)
    assert {type(value) for value in whole.values()} == {float}
    for processes in (1, 2, 3):
        first, *others = (counted(metric("cod"), pairs[::-1][rank::processes]) for rank in range(processes))
        for other in others:
            first.merge(pickle.loads(pickle.dumps(other)))  # noqa: S301
        assert first.compute() == whole


def test_what_is_kept_of_masks_does_not_travel_between_processes(metric, pairs):
    assert len(pickle.dumps(counted(metric("cod"), pairs[:200]))) < 20_000
    assert memory.nbytes > 200_000


def test_a_mask_that_was_seen_before_is_known_by_its_content(metric, pairs):
    first = figures(metric, pairs)
    kept, seen = dict(memory.kept), memory.nbytes
    assert figures(metric, [(levels.copy(), mask.copy()) for levels, mask in pairs]) == first
    assert memory.kept == kept
    assert memory.nbytes == seen == sum(truth.nbytes for truth in kept.values())
    memory.forget()
    assert figures(metric, pairs) == first
    assert counted(metric("cod", "keep_mb=0"), pairs).compute() == first


def test_memory_is_bounded_and_what_was_kept_first_stays(metric):
    rng = np.random.default_rng(0)
    pairs = [(rng.integers(0, 256, (300, 300)), (rng.random((300, 300)) > 0.5).astype(np.uint8)) for _ in range(6)]
    counted(metric("cod", "keep_mb=2"), pairs)
    kept = list(memory.kept)
    assert 1_000_000 < memory.nbytes <= 2_000_000
    assert 1 < len(kept) < 6
    counted(metric("cod", "keep_mb=2"), pairs)
    assert list(memory.kept) == kept


def test_nothing_is_kept_where_no_memory_is_given(metric, pairs):
    counted(metric("cod", "keep_mb=0"), pairs[:20])
    assert not memory.kept


def test_a_figure_is_named_once(metric):
    with pytest.raises(Exception, match="each figure may be named once"):
        metric("cod", 'figures=["s", "s"]')


def test_the_reference_names_every_metric_and_every_figure():
    text = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text()
    entries = frame.catalog().entries(Kind.METRIC)
    for name in (*oracle.FIGURES, *(entry.name for entry in entries)):
        assert f"`{name}`" in text, name
