"""The Slurm script of the documentation, with a real ``torchrun`` a node and stand-ins for Slurm's own commands."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "multi-gpu.md"
COMMANDS = {
    "srun": '"$@" & "$@" & wait -n && wait -n',  # two nodes
    "scontrol": '[ "$1" = show ] && echo localhost || echo "$@" >> queued',
    "torchrun": f'exec {sys.executable} -m torch.distributed.run "$@"',
}


def test_the_slurm_script_trains_on_two_nodes_and_queues_itself_until_the_end(launches, tmp_path) -> None:
    (script,) = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (bin_ := tmp_path / "bin").mkdir()
    for name, text in COMMANDS.items():
        (bin_ / name).write_text(f"#!/bin/bash\n{text}\n")
        (bin_ / name).chmod(0o755)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    (tmp_path / "configs").mkdir()
    launches.file.rename(tmp_path / "configs" / "cod10k.toml")
    slurm = {"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "n[1-2]"}
    environment = launches.environment | slurm | {"PATH": f"{bin_}:{os.environ['PATH']}"}
    for max_time, stopped in (("0s", "max_time"), ("1h", None)):
        changed = script.replace(":29500", f":{port}").replace("11h30m", max_time)
        done = subprocess.run(
            ["bash", "-c", changed], check=False, capture_output=True, text=True, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stderr
        result = json.loads((tmp_path / "runs" / "cod10k" / "result.json").read_text())
        assert result["stopped"] == stopped
    assert (tmp_path / "queued").read_text() == "requeue 7\n"
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["cod10k"]
