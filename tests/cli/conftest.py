"""The command line in this process, and in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from frame.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def call(capsys) -> Callable[..., Outcome]:
    """``call("list", "--json")`` in this process."""

    def run(*arguments: str) -> Outcome:
        try:
            code = main(arguments)
        except SystemExit as error:  # argparse
            code = int(error.code or 0)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def shell(tmp_path) -> Callable[..., Outcome]:
    """``shell("list", path=DIR)`` in a process of its own, with a folder in front of sys.path."""

    def run(*arguments: str, path: Path | None = None) -> Outcome:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FRAME_")}
        if path is not None:
            environment["PYTHONPATH"] = str(path)
        command = [sys.executable, "-m", "frame.cli.main", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def quickstart() -> str:
    return str(ROOT / "configs" / "quickstart.toml")
