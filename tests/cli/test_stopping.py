"""Ctrl-C as a terminal sends it: to the whole group of processes, loader workers included."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from tests.output import wait_for_step


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_saves_says_how_to_go_on_and_tells_by_its_exit_code(
    quickstart, tmp_path, number: signal.Signals, code: int
) -> None:
    settings = "data.size=32 data.resolution=32 data.train=400 data.validation_images=2 data.workers=1 "
    settings += "stages.main.batch_size=2 callbacks.terminal.interval=0.01"
    command = [sys.executable, "-m", "frame.cli.main", "run", quickstart]
    command += [word for each in settings.split() for word in ("--set", each)]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        wait_for_step(process.stdout, 3)
        send = os.killpg if number == signal.SIGINT else os.kill  # a scheduler's SIGTERM goes to the process alone
        send(process.pid, number)
        told, complaints = process.stdout.read(), process.stderr.read()
        assert process.wait(timeout=60) == code, complaints
    assert f"stopped by {number.name} and saved; to go on: frame run {quickstart} --set data.size=32" in complaints
    assert complaints.rstrip().endswith("--set callbacks.terminal.interval=0.01 --resume")
    assert "Traceback" not in complaints
    assert "run folder" in told
    (saved,) = (tmp_path / "runs" / "quickstart" / "checkpoints").glob("step_*")
    assert int(saved.name.removeprefix("step_")) >= 3
