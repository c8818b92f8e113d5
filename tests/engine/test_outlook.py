"""The schedule that is foretold is the one that is trained by. Fixture ``train`` installs the small plugin."""

from __future__ import annotations

import pytest

from frame import catalog
from frame.config.bind import load_run
from frame.engine import fit
from frame.engine.outlook import ALL, Outlook, backbone_words, outlook

BACKBONE_STAGES = 2  # of the small plugin's


def foretold(config, *overrides: str) -> Outlook:
    return outlook(load_run(config, catalog(), overrides))


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("train.accumulation=2", "stages.decoder.warmup=1.5", "stages.finetune.backbone_lr_scale=0.3"),
        ("stages.finetune.scheduler=onecycle", "stages.finetune.min_lr=1e-4", "data.validation=0.4"),
        ("stages.finetune.scheduler=polynomial", "stages.finetune.unfreeze=[0.2, 0.7]", 'train.stages=["finetune"]'),
        ("stages.decoder.scheduler=constant", 'stages.decoder.frozen=["head"]'),
    ],
)
def test_each_step_is_trained_with_the_rates_and_the_freezing_that_were_foretold(
    train, config, overrides, monkeypatch
) -> None:
    freezing: dict[int, int] = {}  # by the steps taken before
    real = fit.set_trained

    def noted(model, table, trained_stages: int) -> None:
        freezing[sum(entry[0] == "step" for entry in train.log)] = trained_stages
        real(model, table, trained_stages)

    monkeypatch.setattr(fit, "set_trained", noted)
    train(*overrides)
    taken = [entry for entry in train.log if entry[0] == "step"]
    found = foretold(config, *overrides)
    assert found.steps == len(taken)
    for stage in found.stages:
        mine = taken[stage.steps_before : stage.steps_before + stage.plan.steps]
        assert {name for _, name, *_ in mine} == {stage.plan.name}
        for step, entry in enumerate(mine):
            shown = {group: rates[step] for group, rates in stage.rates.items() if rates[step] is not None}
            assert shown.items() <= entry[-1].items()
            assert ("head" in shown) == stage.trains_head
            assert ("backbone" in shown) == (stage.trained_stages[step] > 0)
        for step in range(stage.plan.steps):
            in_force = freezing[max(each for each in freezing if each <= stage.steps_before + step)]
            assert in_force == min(stage.trained_stages[step], BACKBONE_STAGES)


@pytest.mark.usefixtures("train")
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"unfreeze": "progressive"},
            {0: "start, peak", 20: "unfreezing", 40: "unfreezing", 59: "end"},
        ),
        (
            {"warmup": 2.0, "unfreeze": (0.15, 0.5)},
            {0: "start", 9: "unfreezing", 11: "end of warm-up, peak", 30: "unfreezing", 59: "end"},
        ),
        (
            {"warmup": 2.0, "scheduler": "onecycle"},  # starts again after the warm-up
            {0: "start", 11: "end of warm-up, peak", 12: "low", 26: "peak", 59: "end"},
        ),
        ({"warmup": 1.0, "scheduler": "constant"}, {0: "start", 5: "end of warm-up", 59: "end"}),
        ({"warmup": 11.0}, {0: "start", 59: "end"}),
        ({"scheduler": "constant"}, {0: "start", 59: "end"}),
        ({"min_lr": 0.5, "lr": 0.5}, {0: "start", 59: "end"}),
    ],
)
def test_the_moments_are_where_something_changes(config, settings, expected) -> None:
    stage = {"epochs": 10, "batch_size": 10, "lr": 1.0} | settings
    data = {"name": "squares", "images": 63, "validation": 0.05}
    found = foretold(config | {"stages": {"main": stage}, "data": data})
    assert found.stages[0].plan.steps == 60
    assert {moment.step: ", ".join(moment.events) for moment in found.stages[0].moments} == expected


@pytest.mark.usefixtures("train")
def test_a_run_of_one_step_starts_and_ends_with_it(config) -> None:
    stage = {"epochs": 1, "batch_size": 10, "lr": 1.0}
    (only,) = foretold(config | {"stages": {"main": stage}}).stages
    assert only.rates == {"backbone": [1.0], "head": [1.0]}
    assert [(moment.step, moment.events) for moment in only.moments] == [(0, ("start", "end"))]
    assert list(only.phases()) == [(0, 1, ALL)]


@pytest.mark.usefixtures("train")
def test_that_a_stage_may_end_early_is_told(config) -> None:
    assert not any("patience" in line for line in foretold(config).lines)
    assert foretold(config, "train.patience=4").lines[-1] == (
        "early   a stage ends after 4 epochs without a better accuracy (train.patience)"
    )


def test_the_backbone_is_told_of_in_words() -> None:
    assert [backbone_words(count) for count in (0, 1, 3, ALL)] == ["frozen", "last stage", "last 3 stages", "all"]
