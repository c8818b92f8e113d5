"""Runs of two processes, started as a user would start them, in which one of them comes to grief."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.engine.conftest import SMALL, config  # noqa: F401  (fixtures)

from frame.config.run import toml_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TROUBLE = '''
    import os
    import signal
    import time
    from pathlib import Path
    from torch import nn
    from frame import Component, Options, UserError, hookimpl

    class TroubleOptions(Options):
        what: str = ""
        rank: int = 1
        step: int = 5
        once: Path | None = None

    class Trouble(nn.Module):
        """Adds nothing; in one step of one process it does what it is told, ``once`` unless that file is there."""

        def __init__(self, *, what, rank, step, once):
            super().__init__()
            self.what, self.rank, self.left, self.once = what, rank, step, once

        def forward(self, prediction, mask):
            self.left -= self.training
            if self.left == 0 and int(os.environ["RANK"]) == self.rank and not (self.once and self.once.exists()):
                if self.once:
                    self.once.touch()
                if self.what == "raise":
                    raise ValueError("a bug in a loss")
                if self.what == "refuse":
                    raise UserError("something to mend")
                if self.what == "hang":
                    time.sleep(300)
                if self.what:
                    os.kill(os.getpid(), signal.Signals[self.what])
            return 0 * prediction.logits.sum()

    @hookimpl
    def frame_losses():
        yield Component(name="trouble", target="frame_trouble:Trouble", options="frame_trouble:TroubleOptions")
'''


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


class Launches:
    """``launches.frame(*settings)`` and ``launches.torchrun(restarts, *settings)`` train the small config."""

    def __init__(self, folder: Path, site: Path, tables: dict[str, Any]) -> None:
        self.runs = folder / "runs"
        self.file = folder / "small.toml"
        self.file.write_text("".join(f"{key} = {toml_value(table)}\n" for key, table in tables.items()))
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("FRAME_")},
            "PYTHONPATH": os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "OMP_NUM_THREADS": "1",
        }
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *settings: str, module: tuple[str, ...] = ("frame",), dry: bool = False) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", *module, "run", str(self.file), *(["--dry-run"] if dry else [])]
        command += [word for each in settings for word in ("--set", each)]
        pipe = subprocess.PIPE
        self.started.append(
            subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
        )
        return self.started[-1]

    def frame(self, *settings: str, dry: bool = False) -> Outcome:
        return self._end(self.start(*settings, dry=dry))

    def torchrun(self, restarts: int, *settings: str) -> Outcome:
        agent = ("torch.distributed.run", "--nproc-per-node=2", f"--max-restarts={restarts}", "-m", "frame")
        return self._end(self.start(*settings, module=agent))

    def _end(self, process: subprocess.Popen[str]) -> Outcome:
        out, err = process.communicate(timeout=100)
        return Outcome(process.returncode, out, err)


@pytest.fixture
def launches(tmp_path, install, config) -> Iterator[Launches]:  # noqa: F811
    """The small config in two processes that save after every step."""
    install("frame-small", "small", SMALL)
    site = install("frame-trouble", "trouble", TROUBLE)
    config["strategy"] = {"name": "ddp", "devices": 2}
    config["losses"]["trouble"] = "trouble"
    config["train"] = {"save_every": 1, "ema": 0.9, "clip": 1.0}
    config["backbone"] = {"name": "bone", "drop": 0.3, "norm": True}
    config["callbacks"] = {"terminal": "terminal"}
    found = Launches(tmp_path, site, config)
    yield found
    for process in found.started:
        if process.poll() is None:
            process.kill()
            process.communicate()
