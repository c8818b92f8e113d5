"""What goes wrong in one of several processes is said once, ends all of them, and is mended by a restart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest
from tests.engine.states import assert_equal, state_of

import frame
from frame.config.bind import load_run
from frame.engine.folder import make_folder
from frame.engine.processes.claim import Claim
from frame.plugin.catalog import catalog


def test_a_worker_that_torchrun_starts_again_goes_on_by_itself(launches, tmp_path) -> None:
    whole = launches.torchrun(0)
    assert whole.code == 0, whole.err
    once = (tmp_path / "once").as_posix()
    again = launches.torchrun(1, "losses.trouble.what=SIGKILL", f"losses.trouble.once={once}")
    assert again.code == 0, again.err
    assert (tmp_path / "once").exists()
    assert "rank 0 of 2: lost another rank" in again.err
    assert "Traceback" not in again.err
    assert again.out.count("resume  ") == 1
    assert "small-2/checkpoints/step_00000004" in again.out  # not that of the run before
    assert_equal(state_of(launches.runs / "small"), state_of(launches.runs / "small-2"))


def test_one_of_several_processes_that_fails_can_say_so_before_sigterm_ends_it() -> None:
    script = """
        import os, signal, time
        from frame.engine.stopping import Stopping
        try:
            with Stopping(None).listening():
                raise ConnectionError
        except ConnectionError:
            os.kill(os.getpid(), signal.SIGTERM)
            print("lost another rank", flush=True)
            time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    for environment, outcome in ({"RANK": "0", "WORLD_SIZE": "2"}, (143, "lost another rank\n")), ({}, (-15, "")):
        own = os.environ | environment
        ended = subprocess.run(command, env=own, capture_output=True, text=True, timeout=50, check=False)
        assert (ended.returncode, ended.stdout) == outcome


def test_sigterm_to_one_rank_saves_on_all_and_nothing_is_started_again(launches) -> None:
    found = launches.torchrun(1, "losses.trouble.what=SIGTERM")
    assert found.code == 0, found.err
    assert found.err.count("stopped by SIGTERM and saved") == 1
    assert json.loads((launches.runs / "small" / "result.json").read_text())["stopped"] == "SIGTERM"
    saved = max((launches.runs / "small" / "checkpoints").glob("step_*"))
    assert saved.name == "step_00000005"
    assert "resume" not in found.out


def test_an_exception_is_shown_once_with_its_rank(launches) -> None:
    found = launches.frame("losses.trouble.what=raise")
    assert found.code == 1
    assert found.err.startswith("rank 1 of 2:\nTraceback (most recent call last):\n")
    assert found.err.count("Traceback") == 1
    assert found.err.endswith("ValueError: a bug in a loss\nthe run has failed, and has said why above\n")


def test_a_rank_that_hangs_is_named_and_shows_where_it_is(launches) -> None:
    found = launches.frame("losses.trouble.what=hang", "strategy.timeout=10", "train.save_every=1000")
    assert found.code == 1
    assert found.err.startswith(
        "rank 0 waited 10 s after step 4 for rank 1, which hangs or is far behind; "
        "raise strategy.timeout if it is only slow\nrank 1 of 2 is here:\n"
    )
    assert found.err.splitlines()[-2].strip() == "time.sleep(300)"


def test_a_strategy_for_one_process_refuses_several_in_one_message(launches) -> None:
    found = launches.torchrun(0, 'strategy={name = "single"}')
    assert found.err.count("2 processes were started, but the strategy uses one: take --set strategy.name=ddp") == 1
    assert "exitcode  : 2" in found.err
    assert not launches.runs.exists()


@pytest.fixture
def bound(config, install):
    from tests.engine.conftest import SMALL

    install("frame-small", "small", SMALL)
    return load_run(config, catalog())


def test_only_a_folder_of_this_launch_made_by_processes_before_is_taken_over(bound) -> None:
    older, first, second = (make_folder(bound) for _ in range(3))
    make_folder(bound)  # by a process that died before it could mark it
    Claim(["a:/tmp/x"], "a:1", 1.0).write(older)
    Claim(["a:/tmp/y", "b:/tmp/z"], "a:2", 2.0).write(first)
    Claim(["a:/tmp/y", "b:/tmp/z"], "a:2", 3.0).write(second)
    assert Claim(["a:/tmp/n"], "a:3", 9.0).earlier(bound) is None
    assert Claim([], "a:3", 9.0).earlier(bound) is None
    folder, claim = Claim(["b:/tmp/z"], "b:7", 9.0).earlier(bound)
    assert (folder, claim.started) == (first, 2.0)
    Claim(["b:/tmp/z"], "b:7", 2.0).write(first)  # and a script's second run takes over the second
    folder, _ = Claim(["b:/tmp/z"], "b:7", 9.0).earlier(bound)
    assert folder == second


def test_the_time_of_a_run_counts_from_its_launch_through_restarts(bound, config, monkeypatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", "/agent/job_1/attempt_1/0/error.json")
    first = frame.run(config, {"run.max_time": "0s"}, catalog())
    assert first.stopped == "max_time"
    (mark,) = first.folder.glob("launch.json")
    mark.write_text(json.dumps(json.loads(mark.read_text()) | {"process": "killed:1"}))
    second = frame.run(config, {"run.max_time": "1h"}, catalog())
    assert (second.folder, second.stopped) == (first.folder, None)
    launched = json.loads(mark.read_text())
    mark.write_text(json.dumps(launched | {"process": "killed:1", "started": launched["started"] - 7200}))
    (first.folder / "checkpoints").rename(first.folder / "lost")
    third = frame.run(config, {"run.max_time": "1h"}, catalog())
    assert (third.folder, third.stopped) == (first.folder, "max_time")
