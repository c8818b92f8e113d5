"""Binding: strict, all problems at once, parts within parts."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from frame import UserError
from frame.config.bind import load_run
from frame.config.verify import verify

if TYPE_CHECKING:
    from frame.config.run import Run


def problems(base: str, toys, *overrides: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        load_run(base, toys, overrides)
    return str(caught.value).splitlines()


def test_a_config_binds_with_defaults(base, toys) -> None:
    run = load_run(base, toys)
    assert (run.name, run.num_classes, run.monitor) == ("base", 1, "score")
    assert run.backbone() == {"drop_path": 0.5, "mode": "fast"}
    assert run.data.size == 64
    assert list(run.stages) == ["main"]


def test_parts_within_parts_bind_and_build(base, toys) -> None:
    run = load_run(
        base,
        toys,
        [
            'head.experts=["narrow", {name = "wide", dilations = [3]}, "toy/wide"]',
            "head.by_level={fine = 'wide'}",
            "losses.deep={name = 'nested', loss = {name = 'nested', loss = 'plain'}}",
        ],
    )
    experts = run.head()["experts"]
    assert [expert(channels=8) for expert in experts] == [
        {"channels": 8},
        {"dilations": (3,), "channels": 8},
        {"dilations": (1, 2), "channels": 8},
    ]
    assert run.head()["by_level"]["fine"].name == "wide"
    assert run.losses["deep"].part()["loss"]()["loss"]() == {}
    assert {part.name for part in run.parts()} >= {"narrow", "wide", "nested", "plain", "mix", "bone"}


def test_problems_within_parts_have_their_whole_path(base, toys) -> None:
    told = problems(base, toys, 'head.experts=["wide", "wyde", {name = "wide", dilation = [1], dilations = "x"}]')
    assert len(told) == 3
    assert "head.experts[1].name: no expert is called 'wyde'; did you mean 'wide'" in told[0]
    assert 'head.experts[2].dilations: expected an array, got "x"' in "\n".join(told)
    assert (
        'head.experts[2].dilation: not an option of expert "wide" (frame-toy 1.0); did you mean "dilations"?'
        in "\n".join(told)
    )
    assert all(line.startswith("--set: ") for line in told)


def test_all_problems_come_at_once_with_file_and_key(base, toys) -> None:
    told = problems(base, toys, "backbone.drop_pat=1", "train.clipp=1", "stages.main.lr=-1", "data.size='x'", "hed=1")
    text = "\n".join(told)
    assert len(told) == 5
    assert (
        '--set: backbone.drop_pat: not an option of backbone "bone" (frame-toy 1.0); did you mean "drop_path"?' in told
    )
    assert '--set: train.clipp: not an option of [train]; did you mean "clip"?' in told
    assert "stages.main.lr: input should be greater than 0, got -1" in text
    assert 'data.size: expected a whole number, got "x"' in text
    assert 'hed: no such table; did you mean "head"?' in text


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.precision=fp8", "train.precision: expected 'fp32', 'bf16', 'fp16' or 'auto', got \"fp8\""),
        ("data.workers=many", "data.workers: expected a whole number or 'auto', got \"many\""),
        ("stages.main.unfreeze=[0.5, 0.1]", "stages.main: unfreeze: fractions must rise"),
        (
            'stages.main={epochs=1, batch_size=1, lr=1.0, frozen=["head"], unfreeze=[0.5]}',
            "stages.main: unfreeze: with the head frozen it must begin with 0, or nothing is trained",
        ),
        ("stages.main.unfreeze=sometimes", "stages.main.unfreeze: expected"),
        ("train.stages=['main', 'mian']", 'train.stages[1]: no stage is called "mian"; there are: main'),
        ("train.stages=['main', 'main']", "train.stages: named twice: main"),
        ("train.monitor=dice", 'train.monitor: no metric is labelled "dice"; there are: score'),
        ("backbone=7", "backbone: expected a table, got 7"),
        ("losses=7", "losses: expected a table, got 7"),
        ("losses.mask=7", "losses.mask: expected a table, got 7"),
        ("losses.mask.weight=-1", "losses.mask.weight: input should be greater than or equal to 0, got -1"),
        ("losses.mask=false", "losses: at least one loss is required"),
        ("metrics.score=false", "metrics: at least one metric is required"),
        ("head={name = 3}", "head.name: expected a head's name, got 3; there are: "),
        ("head.extra=3", "head.extra: expected a name of kind expert, or a table with one, got 3"),
        ("plugins.require=['frame-none']", "plugins.require: 'frame-none' is not installed"),
        ("data={name = 'greedy'}", "data: dataset \"greedy\" declares the option 'size', which belongs to Frame"),
        ("data.classes=['a', 'b', 'c']", None),
        (
            "data.augmentation=true",
            "data.augmentation: expected a name of kind transform, or a table with one, got True",
        ),
        ("data.augmentation=false", None),
        ("losses.mask=only_binary", None),
    ],
)
def test_each_way_of_being_wrong_is_one_line(base, toys, override: str, message: str | None) -> None:
    if message is None:
        load_run(base, toys, [override])
    else:
        (told,) = problems(base, toys, override)
        assert message in told
        assert told.startswith(("--set: ", f"{base}: "))


def test_a_missing_option_is_told_with_its_documentation(base, toys) -> None:
    (told,) = problems(base, toys, "data={name = 'toy/toy', size = 64}")
    assert 'data.root: required by dataset "toy/toy" (frame-toy 1.0): Where it lies.' in told


def test_a_part_that_does_not_serve_the_task_is_refused(base, toys) -> None:
    told = problems(base, toys, "data.classes=['a', 'b', 'c']", "losses.deep={name = 'nested', loss = 'only_binary'}")
    assert 'losses.deep: loss "only_binary" serves binary work, but data set "toy" is multiclass' in told[0]


def test_a_head_that_does_not_serve_the_task_is_refused(base, toys) -> None:
    assert load_run(base, toys, ["head=of_one_class"]).classes == ()
    told = problems(base, toys, "data.classes=['a', 'b', 'c']", "head=of_one_class")
    assert 'head: head "of_one_class" serves binary work, but data set "toy" is multiclass' in told[0]


def test_a_setting_without_effect_is_a_warning(base, toys) -> None:
    run = load_run(base, toys, ["stages.main.scheduler=constant", "stages.main.min_lr=0.01", "losses.mask.weight=0"])
    assert len(run.warnings) == 2
    assert "stages.main.warmup of 2 epochs is longer" in load_run(base, toys, ["stages.main.warmup=2"]).warnings[0]
    assert "stages.main.min_lr" in run.warnings[0]
    rises = load_run(base, toys, ["stages.main.scheduler=onecycle", "stages.main.warmup=0.5"]).warnings
    assert rises == ('stages.main.warmup comes before the rise that scheduler = "onecycle" has itself',)


def test_the_resolved_config_reads_back_to_the_same_run(base, toys, tmp_path) -> None:
    run = load_run(base, toys, ['head.experts=["narrow", {name = "wide", dilations = [3]}]', "losses.'a b'=plain"])
    (tmp_path / "again.toml").write_text(run.to_toml())
    again = load_run(tmp_path / "again.toml", toys)
    assert again.tables() == run.tables()
    assert tomllib.loads(run.to_toml())["head"]["experts"] == run.tables()["head"]["experts"]


def test_every_value_has_an_origin(base, toys) -> None:
    origins = {".".join(path): origin for path, _, origin in load_run(base, toys, ["train.clip=1.0"]).values()}
    assert origins["backbone.drop_path"] == base
    assert origins["backbone.mode"] == "default"
    assert origins["train.clip"] == "--set"


def test_what_is_not_there_is_told_before_the_run_starts(base, toys) -> None:
    run: Run = load_run(base, toys, ["data.root=/no/such/place", "train.init_from=/no/weights"])
    with pytest.raises(UserError) as caught:
        verify(run)
    assert 'dataset "toy": root: there is no /no/such/place' in str(caught.value)
    assert "train.init_from: there is no /no/weights" in str(caught.value)


def test_options_made_by_hand_hold_references(toys) -> None:
    from frame.plugin.component import Kind

    head = toys.find(Kind.HEAD, "mix").load_options()(experts=("wide", {"name": "narrow"}))
    assert [part.name for part in head.experts] == ["wide", "narrow"]
    with pytest.raises(TypeError, match="never bound"):
        head.experts[0](channels=1)
