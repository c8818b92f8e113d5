"""An environment as a plugin's author has one: what is installed there is installed nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Environment:
    """A virtual environment with this one's libraries by a path file, and ``frame``, ``pip``, ``pytest`` and ``mypy``.

    Its pip asks no index: it installs what is in a folder, without what that depends on.
    """

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.bin = folder / "bin"
        python = self.bin / "python"
        asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        site = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
        libraries = [sysconfig.get_path("purelib"), str(ROOT / "framework"), str(ROOT / "plugins")]
        (site / "libraries.pth").write_text("\n".join(libraries))
        alone = "--quiet --disable-pip-version-check --no-deps --no-build-isolation"
        commands = {
            "frame": f'"{python}" -P -m frame.cli.main "$@"',
            "mypy": f'"{python}" -m mypy "$@"',
            "pytest": f'"{python}" -m pytest "$@"',
            "pip": f'"{sys.executable}" -m pip --python "{python}" "$@" {alone}',
        }
        for name, line in commands.items():
            (self.bin / name).write_text(f"#!/bin/sh\nexec {line}\n")
            (self.bin / name).chmod(0o755)

    def run(self, lines: str, folder: Path) -> str:
        """What ``lines`` of a shell print in ``folder``; the first that fails is an ``AssertionError``."""
        path = os.pathsep.join([str(self.bin), str(Path(sys.executable).parent), os.environ["PATH"]])
        command = ["bash", "-euo", "pipefail", "-c", lines]
        env = {**os.environ, "PATH": path}
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, cwd=folder, env=env, check=False, text=True, **both)
        told = done.stdout
        assert done.returncode == 0, f"{lines}\nended with {done.returncode}:\n{told}"
        return told
