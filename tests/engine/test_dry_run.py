"""A dry run weighs and times a run, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from frame import catalog
from frame.config.bind import load_run
from frame.engine.dry_run import estimate


@pytest.fixture
def found(train, config):
    return estimate(load_run(config, catalog(), []))


def test_parts_are_weighed(found) -> None:
    bone, head = found.parts["backbone"], found.parts["head"]
    assert bone.parameters == 3 * 8 * 9 + 8 + 8 * 8 * 9 + 8
    assert bone.multiply_adds == 3 * 8 * 9 * 8 * 8 + 8 * 8 * 9 * 4 * 4  # of 16 px at strides 2 and 4
    assert (head.parameters, head.multiply_adds) == (17, 16 * 16 * 16)


def test_stages_are_counted_and_timed(found) -> None:
    stages = {name: (stage.epochs, stage.steps_per_epoch) for name, stage in found.stages.items()}
    assert stages == {"decoder": (2, 3), "finetune": (3, 2)}
    assert found.steps == 12
    assert all(stage.seconds_per_step > 0 and stage.memory > 0 and stage.splits == 1 for stage in found.stages.values())
    assert found.seconds == pytest.approx(sum(6 * stage.seconds_per_step for stage in found.stages.values()))


def test_it_is_a_table_for_a_person_and_nothing_is_written(found, config) -> None:
    lines = str(found).splitlines()
    assert any(line.startswith("backbone ") for line in lines)
    assert lines[-1].startswith("in all 12 steps, about 0 h 00 min of training")
    assert not Path(config["run"]["folder"]).exists()
