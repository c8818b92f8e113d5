"""``torchrun`` with two workers, one killed at a random moment, many times over: where the runs end.

    python benchmarks/chaos.py [TIMES] [SEED]

Each time ``torchrun --max-restarts 1`` trains the plugin ``tiny.py``'s model by ``ddp`` in two processes under gloo, in
two stages, with dropout, an average of the weights and a checkpoint every third step. After a random time, spread over
all that a whole launch takes, from the start of the workers over steps, validations and checkpoints to their end, one
of them gets SIGKILL. Torch's agent starts both again; they find the folder that their launch has made, or none if it
was too early, and go on. All runs have one name: the folders of those before lie beside it, and must be left alone.

The last checkpoint must equal that of the run that nobody disturbed in weights, average, moments and the states of all
generators, to the bit, and each launch must have made one folder, unless it was killed before it could mark its first.
Otherwise the exit code is 1.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from frame.config.run import toml_value
from frame.engine.checkpoints import checkpoint
from kills import equal

PLUGIN = Path(__file__).with_name("tiny.py")
STEPS, MAIN = 12, {"batch_size": 4, "lr": 1e-2, "warmup": 0.5}


def config(folder: Path) -> dict[str, Any]:
    return {
        "run": {"name": "chaos", "folder": str(folder / "runs"), "seed": 5},
        "data": {"name": "squares", "images": STEPS * MAIN["batch_size"], "size": 16, "workers": 1},
        "backbone": {"name": "bone", "drop": 0.2},
        "head": "head",
        "losses": {"plain_cross_entropy": "plain_cross_entropy"},
        "strategy": {"name": "ddp", "devices": 2},
        "metrics": {"accuracy": "accuracy"},
        "train": {"save_every": 3, "keep": 2, "ema": 0.99, "clip": 1.0},
        "stages": {
            "decoder": MAIN | {"epochs": 4, "frozen": ["backbone"]},
            "finetune": MAIN | {"epochs": 8, "backbone_lr_scale": 0.1},
        },
    }


def launch(folder: Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    """Torch's agent, once its workers are there, and their process ids, in order of rank."""
    file = folder / "chaos.toml"
    file.write_text("".join(f"{key} = {toml_value(table)}\n" for key, table in config(folder).items()))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--max-restarts", "1"]
    command += ["-m", "frame", "run", str(file), "--plugin", str(PLUGIN)]
    with (folder / "output").open("wb") as output:
        agent = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    while agent.poll() is None and len(workers := children(agent.pid)) < 2:
        time.sleep(0.01)
    return agent, workers


def children(parent: int) -> list[int]:
    """Linux only, as is the chaos."""
    return sorted(map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()))


def folders(folder: Path) -> set[str]:
    return {path.name for path in (folder / "runs").glob("*")}


def state(folder: Path) -> dict[str, Any]:
    content = checkpoint.load(next(checkpoint.newest(folder / "checkpoints")))
    return {"weights": content.weights, "ema": content.ema, **content.state}


def disturbed(folder: Path, after: float, rank: int) -> tuple[str, list[str], float, int]:
    """One launch with one kill: what the killed one was doing, the folders made, seconds, and the exit code."""
    before, started = folders(folder), time.perf_counter()
    agent, workers = launch(folder)
    time.sleep(after)
    made = sorted(folders(folder) - before)
    moment = "starting"
    if made:
        saved = sorted(each.name for each in (folder / "runs" / made[0] / "checkpoints").glob("step_*"))
        moment = f"after {saved[-1]}" if saved else "training"
        moment = "ending" if (folder / "runs" / made[0] / "result.json").exists() else moment
    try:
        os.kill(workers[rank], signal.SIGKILL)
    except ProcessLookupError:
        moment = "ended"
    code = agent.wait()
    return moment, sorted(folders(folder) - before), time.perf_counter() - started, code


def main(times: int, seed: int) -> int:
    moments, wrong = random.Random(seed), 0  # noqa: S311
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(2):  # the first warms the disk's cache
            agent, _ = launch(folder)
            started = time.perf_counter()
            agent.wait()
            duration = time.perf_counter() - started
        whole = state(folder / "runs" / "chaos")
        print(f"one of two workers killed in launches of {duration:.1f} s, seed {seed}")
        print(f"{'killed after':>12}  {'rank':>4}  {'while':<20}  {'in all':>8}  end")
        for _ in tqdm(range(times), disable=None, unit="kill", leave=False):
            after, rank = moments.uniform(0, duration), moments.randrange(2)
            moment, made, seconds, code = disturbed(folder, after, rank)
            good = (
                code == 0
                and len(made) <= 1 + (moment == "starting")
                and equal(whole, state(folder / "runs" / made[-1]))
            )
            wrong += not good
            end = "equal" if good else f"UNEQUAL (exit code {code}, folders {made})"
            print(f"{after:>10.2f} s  {rank:>4}  {moment:<20}  {seconds:>6.1f} s  {end}", flush=True)
            if not good:
                print((folder / "output").read_text(errors="replace"), file=sys.stderr)
    print(f"{times} kills, {wrong} runs unequal to the undisturbed one (must be 0)")
    return int(wrong > 0)


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    sys.exit(main(*numbers, *(10, 0)[len(numbers) :]))
