"""How long ``frame list``, ``show`` and ``check`` take, as ratios to ``python -c "import importlib.metadata"``.

    python benchmarks/startup.py [ROUNDS]

Every command is started once a round, in turn, so that a noisy machine bothers all of them alike; the table shows the
median over the rounds, and the ratio of medians. Goal: under 3.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

CONFIG = str(Path(__file__).parents[1] / "configs" / "quickstart.toml")
FRAME = [str(Path(sys.executable).with_name("frame"))]
COMMANDS = {
    "import importlib.metadata": [sys.executable, "-c", "import importlib.metadata"],
    "import pydantic.BaseModel": [sys.executable, "-c", "from pydantic import BaseModel"],
    "frame list": [*FRAME, "list"],
    "frame list --json": [*FRAME, "list", "--json"],
    "frame show backbone edgenext_base": [*FRAME, "show", "backbone", "edgenext_base"],
    "frame show quickstart.toml": [*FRAME, "show", CONFIG],
    "frame check quickstart.toml": [*FRAME, "check", CONFIG],
}


def main(rounds: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - started)
    baseline = median(times["import importlib.metadata"])
    print(f"{'command':<36}{'median ms':>10}{'ratio':>8}   ({rounds} rounds, interleaved)")
    for name, measured in times.items():
        print(f"{name:<36}{median(measured) * 1000:>10.0f}{median(measured) / baseline:>8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
