"""``kill -9`` at random moments of a run that saves after every step: what the resumes find, and how the runs end.

    python benchmarks/kills.py [KILLS] [SEED]

A child process trains the plugin ``tiny.py``'s model in two stages, with dropout, an average of the weights and the
history. After a random time, spread over all that a whole run takes, from its start over steps, validations and
checkpoints to its end, it gets SIGKILL; then ``frame.run(resume=True)`` goes on in a new child, which is killed in its
turn. What ends before its time comes is a completed run, and the next starts anew. Processes are forked from a server
that has imported torch, so that 50 kills take minutes.

After each kill the search of ``resume=True`` is made by this process too, on the same files: once a checkpoint was
written, it must find a whole one. The last checkpoint of each completed run must equal that of the run that nobody
disturbed in weights, average, moments and the states of all generators, to the bit, and the history must hold the same
losses of the same steps, once each. Otherwise the exit code is 1. A killed process leaves what it has written to the
operating system: how a checkpoint outlives a power failure is not seen here.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

import frame
from frame.config.bind import load_run
from frame.engine.checkpoints import checkpoint, resume

if TYPE_CHECKING:
    from frame.config.run import Run

PLUGIN = Path(__file__).with_name("tiny.py")
STEPS = 12  # an epoch
MAIN = {"batch_size": 2, "lr": 1e-2, "warmup": 0.5}

WRITING, EARLY = "while a checkpoint was being written", "before the first checkpoint"
BACK, LOST = "resumes that fell back to an earlier checkpoint", "resumes that found no whole checkpoint (must be 0)"
COMPLETED, UNEQUAL = "completed runs", "of them unequal to the undisturbed one (must be 0)"

_forkserver = multiprocessing.get_context("forkserver")
_forkserver.set_forkserver_preload(["frame.engine.run", "tiny"])


def bound(folder: str, name: str) -> Run:
    config = {
        "run": {"name": name, "folder": folder, "seed": 5},
        "data": {"name": "squares", "images": STEPS * MAIN["batch_size"], "size": 16, "workers": 0},
        "backbone": {"name": "bone", "drop": 0.2},
        "head": "head",
        "losses": {"plain_cross_entropy": "plain_cross_entropy"},
        "strategy": {"name": "single", "device": "cpu"},
        "metrics": {"accuracy": "accuracy"},
        "callbacks": {"history": {"name": "history", "every": 1}},
        "train": {"save_every": 1, "keep": 2, "ema": 0.99, "clip": 1.0},
        "stages": {
            "decoder": MAIN | {"epochs": 2, "frozen": ["backbone"]},
            "finetune": MAIN | {"epochs": 3, "backbone_lr_scale": 0.1},
        },
    }
    return load_run(config, frame.catalog(files=[PLUGIN]), [])


def train(folder: str, name: str) -> None:
    """The child's work."""
    from frame.engine.run import execute

    torch.set_num_threads(1)
    execute(bound(folder, name), resume=True)


def trained(folder: str, name: str, seconds: float | None = None) -> bool:
    """Let a child train, for ``seconds`` at most; whether it came to its end."""
    process = _forkserver.Process(target=train, args=(folder, name))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    if process.exitcode not in (0, -signal.SIGKILL):
        raise SystemExit(f"a child ended with exit code {process.exitcode}")
    return process.exitcode == 0


def checkpoints_of(run: Run) -> Path:
    return run.run.folder / run.name / "checkpoints"


def end_of(run: Run) -> dict[str, Any]:
    """What a run has left: its last checkpoint, and what its history says of steps and epochs, without times."""
    content = checkpoint.load(next(checkpoint.newest(checkpoints_of(run))))
    lines = (run.run.folder / run.name / "history.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    history = [record | {"seconds": 0} for record in records if record["event"] in ("step", "epoch")]
    return {"weights": content.weights, "ema": content.ema, "history": history, **content.state}


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def unfinished(run: Run) -> set[tuple[str, int]]:
    """Checkpoints that were begun and not finished, each with the time of its last file."""
    return {(path.name, path.stat().st_mtime_ns) for path in checkpoints_of(run).glob(".writing-*")}


def found_after_a_kill(run: Run, counts: Counter[str], *, written: bool) -> bool:
    """Count what a resume finds; whether a checkpoint has been written by now."""
    newest, found = next(checkpoint.newest(checkpoints_of(run)), None), resume.newest(run)
    written = written or newest is not None
    counts[EARLY] += not written
    counts[BACK] += found.path is not None and found.path != newest
    counts[LOST] += written and found.path is None
    return written


def main(kills: int, seed: int) -> int:
    moments, counts = random.Random(seed), Counter[str]()  # noqa: S311
    with tempfile.TemporaryDirectory() as folder, tqdm(total=kills, disable=None, unit="kill") as bar:
        trained(folder, "warm-up")
        started = time.perf_counter()
        trained(folder, "whole")
        duration = time.perf_counter() - started
        whole = end_of(bound(folder, "whole"))
        killed, going, written = 0, False, False
        while killed < kills or going:
            run = bound(folder, f"killed.{counts[COMPLETED]}")
            left = unfinished(run)
            if trained(folder, run.name, moments.uniform(0, duration) if killed < kills else None):
                counts[COMPLETED] += 1
                counts[UNEQUAL] += not equal(whole, end_of(run))
                going = written = False
            else:
                killed, going = killed + 1, True
                counts[WRITING] += bool(unfinished(run) - left)
                written = found_after_a_kill(run, counts, written=written)
                bar.update()
    print(f"{killed} kills at random moments of runs of {duration:.1f} s, seed {seed}")
    for what in (WRITING, EARLY, BACK, LOST, COMPLETED, UNEQUAL):
        print(f"{counts[what]:>6}  {what}")
    return int(counts[LOST] > 0 or counts[UNEQUAL] > 0)


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    sys.exit(main(*numbers, *(50, 0)[len(numbers) :]))
