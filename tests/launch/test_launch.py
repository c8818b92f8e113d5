"""``frame run`` with a strategy of several processes starts them, and stops them as one."""

from __future__ import annotations

import json
import os
import signal

import pytest
from tests.engine.states import assert_equal, state_of
from tests.output import wait_for_step

import frame
from frame import UserError, catalog


def test_processes_are_started_one_speaks_for_all_and_a_lost_one_costs_nothing_but_time(
    launches, config, tmp_path
) -> None:
    found = launches.frame()
    assert found.code == 0, found.err
    assert found.err == ""
    assert found.out.count("2 processes, the first on CPU") == 2  # of two stages
    assert found.out.count("epoch 3/3") == 1
    assert found.out.count("best checkpoint") == 1
    assert [path.name for path in launches.runs.iterdir()] == ["small"]

    once = (tmp_path / "once").as_posix()
    settings = {"losses.trouble.what": "SIGKILL", "losses.trouble.once": once, "strategy.max_restarts": 1}
    result = frame.run(config, settings, catalog())
    assert (tmp_path / "once").exists()
    assert result.folder == launches.runs / "small-2"
    assert result.metrics == json.loads((launches.runs / "small" / "result.json").read_text())["metrics"]
    assert_equal(state_of(launches.runs / "small"), state_of(result.folder))
    assert "FRAME_LAUNCH" not in os.environ


def test_what_a_user_can_mend_is_one_message(launches, config) -> None:
    with pytest.raises(UserError, match=r"^something to mend$"):
        frame.run(config, {"losses.trouble.what": "refuse", "strategy.max_restarts": 1}, catalog())


def test_ctrl_c_reaches_all_and_the_exit_code_tells(launches) -> None:
    settings = ("data.workers=1", "data.images=4000", "callbacks.terminal.interval=0.01")
    process = launches.start(*settings)
    wait_for_step(process.stdout, 3)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.startswith("stopped by SIGINT and saved")
    assert len(err.splitlines()) == 1
    assert "run folder" in out
    assert json.loads((launches.runs / "small" / "result.json").read_text())["stopped"] == "SIGINT"
    (saved,) = (launches.runs / "small" / "checkpoints").glob("step_*")
    assert int(saved.name.removeprefix("step_")) >= 3


def test_a_dry_run_is_made_by_the_processes_and_told_once(launches) -> None:
    found = launches.frame(dry=True)
    assert found.code == 0, found.err
    assert found.out.count("2 processes, the first on CPU") == 2
    assert found.out.count("Nothing was written.") == 1
    assert not launches.runs.exists()
