"""A run that is killed, as by ``kill -9``, goes on to the same bits; its history too, as if nothing had been."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.engine import states
from tests.engine.states import assert_equal, state_of

import frame
from frame import catalog

if TYPE_CHECKING:
    from pathlib import Path

# 3 steps an epoch in two epochs of the first stage, then 2 in each of three.
SETTINGS = (*states.SETTINGS, "train.save_every=1")
CALLBACKS = {"history": {"name": "history", "every": 1}}

_forkserver = multiprocessing.get_context("forkserver")  # importing torch once is enough
_forkserver.set_forkserver_preload(["frame.engine.run"])


def run_until_killed(config: dict[str, Any], *overrides: str, start_method: str = "fork") -> int:
    """Returns the number of the session that the run's processes were in."""
    process = _forkserver.Process(target=_run, args=(config, overrides, start_method))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert process.pid is not None
    return process.pid


def _run(config: dict[str, Any], overrides: tuple[str, ...], start_method: str) -> None:
    os.setsid()
    multiprocessing.set_start_method(start_method, force=True)  # of the loader's workers
    frame.run(config, overrides, catalog(), resume=True)


def history_of(folder: Path) -> list[dict[str, Any]]:
    """What was recorded of steps and epochs, without their times."""
    records = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return [
        {key: value for key, value in record.items() if key not in {"seconds", "waited"}}
        for record in records
        if record["event"] in ("step", "epoch")
    ]


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param(["step=2"], id="mid-epoch"),
        pytest.param(["step=3"], id="before-the-end-of-an-epoch"),
        pytest.param(["epoch=1"], id="between-validation-and-checkpoint"),
        pytest.param(["step=4"], id="after-the-end-of-an-epoch"),
        pytest.param(["step=10"], id="inside-the-second-stage"),
        pytest.param(["step=2", "step=3"], id="twice-in-one-epoch"),
    ],
)
@pytest.mark.parametrize("workers", [(0, 0), (2, 2), (0, 2), (2, 0)], ids="{0[0]}-then-{0[1]}-workers".format)
def test_a_killed_run_goes_on_to_the_same_bits(train, config, moments, workers) -> None:
    whole = train(*SETTINGS, callbacks=CALLBACKS)
    config["run"]["name"] = "killed"
    for moment in moments:
        callbacks = CALLBACKS | {"killer": "killer"}
        settings = (f"data.workers={workers[0]}", f"callbacks.killer.{moment}")
        run_until_killed(config | {"callbacks": callbacks}, *SETTINGS, *settings)
    again = train(*SETTINGS, f"data.workers={workers[1]}", callbacks=CALLBACKS, resume=True)
    assert again.folder.name == "killed"
    assert_equal(state_of(whole.folder), state_of(again.folder))
    assert history_of(whole.folder) == history_of(again.folder)
    starts = [json.loads(line) for line in (again.folder / "history.jsonl").read_text().splitlines()]
    assert len([record for record in starts if record["event"] == "run"]) == len(moments) + 1


@pytest.mark.parametrize("start_method", ["fork", "forkserver"])  # forkserver: Python's own choice from 3.14 on
def test_a_killed_run_leaves_no_workers_behind(train, config, start_method: str) -> None:
    settings = (*SETTINGS, "data.workers=2", "callbacks.killer.step=2")
    session = run_until_killed(config | {"callbacks": {"killer": "killer"}}, *settings, start_method=start_method)
    deadline = time.monotonic() + 60
    while running(session):
        assert time.monotonic() < deadline, f"still there: {running(session)}"
        time.sleep(0.1)


def running(session: int) -> list[str]:
    """What runs in a session, and is no zombie that nobody has asked after."""
    processes = subprocess.run(["ps", "-eo", "sess=,stat=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=2) for line in processes.splitlines()]
    return [args for number, state, args in lines if int(number) == session and not state.startswith("Z")]
