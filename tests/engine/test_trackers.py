"""Trackers watch a run and change nothing of it; what they were told of a stopped run is that of a whole one."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest
from tests.callbacks.readers import TRACKERS, needed, options, read
from tests.engine.states import SETTINGS, assert_equal, state_of
from tests.engine.test_killed import run_until_killed
from tests.engine.test_resume import stop_after

import frame

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # mlflow's own use of sqlalchemy
OFTEN = ("train.save_every=1",)


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "epochs.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.parametrize("name", TRACKERS)
def test_a_stopped_run_is_told_as_a_whole_one_and_is_the_run_without_trackers(train, config, tmp_path, name) -> None:
    needed(name)
    alone = train(*SETTINGS)
    tables = [options(name, tmp_path, experiment) | {"every": 1, "images": 2} for experiment in ("whole", "stopped")]
    callbacks: list[dict[str, Any]] = [{"recorder": "recorder", "mine": table, "csv": "csv"} for table in tables]
    config["run"]["name"] = "whole"
    whole = train(*SETTINGS, callbacks=callbacks[0])
    assert_equal(state_of(alone.folder), state_of(whole.folder))
    config["run"]["name"] = "stopped"
    config["callbacks"] = callbacks[1]
    for number, step in enumerate((4, 8)):
        assert stop_after(train, step, *SETTINGS, *OFTEN, resume=number > 0).stopped == "SIGTERM"
    again = train(*SETTINGS, *OFTEN, resume=True)
    assert_equal(state_of(alone.folder), state_of(again.folder))
    told, expected = (read(run.folder, table) for run, table in zip((again, whole), tables[::-1], strict=True))
    assert told.points == expected.points
    assert told.pictures == expected.pictures
    assert len(told.ids) == 1
    assert told.config["head.name"] == "head"
    assert rows(again.folder) == rows(whole.folder)
    assert len(rows(again.folder)) == 5


@pytest.mark.parametrize("moment", ["step=2", "step=4", "epoch=1", "step=10"])
def test_what_was_told_after_the_checkpoint_of_a_killed_run_is_taken_back(train, config, moment) -> None:
    needed("tensorboard")
    callbacks = {"tb": {"name": "tensorboard", "every": 1, "images": 1}, "csv": "csv"}
    whole = train(*SETTINGS, callbacks=callbacks)
    config["run"]["name"] = "killed"
    run_until_killed(config | {"callbacks": callbacks | {"killer": "killer"}}, *SETTINGS, f"callbacks.killer.{moment}")
    again = train(*SETTINGS, callbacks=callbacks, resume=True)
    assert again.folder.name == "killed"
    table = {"name": "tensorboard"}
    told, expected = read(again.folder, table), read(whole.folder, table)
    assert (told.points, told.pictures) == (expected.points, expected.pictures)
    assert rows(again.folder) == rows(whole.folder)


def test_a_server_that_does_not_answer_costs_its_tracker_alone(train) -> None:
    needed("mlflow")
    alone = train()
    mine = {"name": "mlflow", "tracking_uri": "http://127.0.0.1:9"}
    tracked = train(callbacks={"mine": mine, "recorder": "recorder"})
    (notice,) = [entry[1] for entry in train.log if entry[0] == "notice"]
    assert notice.startswith("callback 'mine' failed in on_run_start: MlflowException")
    assert notice.endswith("the run goes on without it")
    assert_equal(state_of(alone.folder), state_of(tracked.folder))


def test_nobody_logged_in_is_one_message(train, monkeypatch, tmp_path) -> None:
    needed("wandb")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(frame.UserError, match=r'callback "wandb": .*wandb login.*mode = "offline"'):
        train(callbacks={"mine": "wandb"})


@pytest.mark.parametrize("library", TRACKERS)
def test_a_library_that_is_missing_is_said_before_anything_is_made(train, config, monkeypatch, library) -> None:
    monkeypatch.setattr("frame_callbacks.options.find_spec", lambda name: None)
    with pytest.raises(frame.UserError, match=rf'callback "{library}": .*pip install .frame-seg\[{library}\]'):
        train(callbacks={"mine": library})
    assert not list(train.runs.glob("*"))
