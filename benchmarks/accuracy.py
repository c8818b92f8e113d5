"""How well Frame's models segment, beside segmentation_models.pytorch's on the same backbone, from random weights.

    pip install -e '.[bench]'
    python benchmarks/accuracy.py [--difficulty D ...] [--camo DIR] [--seeds N] [--epochs N] [--jobs N] [--results FILE]

All are trained by ``frame.run`` with the same data, augmentation, steps, optimizer and average of the weights, on the
mask loss; Frame's have deep supervision on their side outputs beside it, and the mixture its balance, for they have
what these need. The table has per-image IoU, weighted F, S and MAE of the best epoch on held-out images, the mean over
seeds and, after the sign, the largest distance from it.

On generated camouflage at each difficulty; with ``--camo``, a folder in CAMO's layout, on a held-out tenth of it too,
the same for all seeds: from random weights, and from the weights that the same model got on generated camouflage of the
first difficulty.

``--jobs`` models are trained at a time, each with its share of the cores; the tables are printed after each of them,
and at the end how long it took.
With ``--results`` they are kept in a file, and what a run that was stopped has left there is not done again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

import frame
import peers
from frame.data.cores import cores
from real import EXPERTS

BACKBONE = {"name": "edgenext_xx_small", "pretrained": False}
DEEP = {"deep": {"name": "deep_supervision", "weight": 0.4}}
MODELS: dict[str, dict[str, Any]] = {
    "Frame moe": {
        "backbone": BACKBONE,
        "head": {"name": "moe", "experts": EXPERTS, "top_k": 3, "dense_warmup": 0.1},
        "losses": DEEP | {"balance": {"name": "balance", "weight": 0.03}, "z": {"name": "router_z", "weight": 0.02}},
    },
    "Frame fpn": {"backbone": BACKBONE, "head": "fpn", "losses": DEEP},
    "smp FPN": {"backbone": "image", "head": "smp_fpn", "losses": {}},
    "smp U-Net": {"backbone": "image", "head": "smp_unet", "losses": {}},
}
AUGMENTATION = {
    "name": "albumentations",
    "transforms": [
        {"name": "HorizontalFlip"},
        {"name": "RandomResizedCrop", "scale": [0.5, 1.0], "ratio": [0.8, 1.25], "p": 0.6},
        {"name": "Affine", "scale": [0.85, 1.15], "rotate": [-15, 15], "border_mode": 4, "p": 0.2},
        {"name": "ColorJitter", "brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.0},
        {
            "name": "OneOf",
            "p": 0.1,
            "transforms": [
                {"name": "GaussianBlur", "blur_limit": [3, 5], "p": 1.0},
                {"name": "GaussNoise", "std_range": [0.01, 0.04], "per_channel": False, "p": 1.0},
            ],
        },
    ],
}
"""Stronger than Frame's default, and apart from it, so that figures stay comparable when the default changes."""
FIGURES = {"IoU": "iou", "wF": "cod", "S": "cod/s", "MAE": "cod/mae"}


def config(model: dict[str, Any], data: dict[str, Any], seed: int, epochs: int, folder: str) -> dict[str, Any]:
    return {
        "run": {"name": "accuracy", "folder": folder, "seed": seed},
        "data": data | {"augmentation": AUGMENTATION},
        "metrics": {"iou": "iou", "cod": {"name": "cod", "figures": ["wf", "s", "mae"]}},
        "train": {"clip": 1.0, "ema": 0.99, "monitor": "iou"},
        "stages": {"main": {"epochs": epochs, "batch_size": 4, "lr": 1e-3, "warmup": 0.5}},
        "backbone": model["backbone"],
        "head": model["head"],
        "losses": {"mask": "mask"} | model["losses"],
    }


def generated(difficulty: float) -> dict[str, Any]:
    return {"name": "camouflage", "size": 128, "difficulty": difficulty, "train": 1024, "validation_images": 256}


def camo(args: argparse.Namespace) -> dict[str, Any]:
    return {"name": "camo", "root": str(args.camo), "size": 224, "validation": args.held_out, "validation_seed": 0}


class Job(NamedTuple):
    """A model to train, and what on."""

    model: str
    seed: int
    difficulty: float | None
    """Of generated images; ``None``: on CAMO, from random weights."""
    then_camo: bool
    """Train on CAMO too, from these weights."""


class Found(NamedTuple):
    """What a model reached on one ground."""

    job: Job
    ground: str
    metrics: dict[str, float]
    seconds: float


def train(job: Job, args: argparse.Namespace, folder: str) -> list[Found]:
    """Do a job, in a process of its own."""

    def run(ground: str, data: dict[str, Any], epochs: int, init_from: Path | None = None) -> Path | None:
        tables = config(MODELS[job.model], data, job.seed, epochs, f"{folder}/{'-'.join(map(str, job[:3]))}")
        if init_from is not None:
            tables["train"]["init_from"] = str(init_from)
        started = time.perf_counter()
        result = frame.run(tables, plugins=frame.catalog(files=[Path(peers.__file__)]))
        found.append(Found(job, ground, dict(result.metrics), time.perf_counter() - started))
        return result.checkpoint

    found: list[Found] = []
    if job.difficulty is None:
        run("CAMO, from random weights", camo(args), args.camo_epochs)
        return found
    weights = run(f"generated, difficulty {job.difficulty}", generated(job.difficulty), args.epochs)
    if job.then_camo:
        run("CAMO, from weights of generated camouflage", camo(args), args.camo_epochs, weights)
    return found


def jobs(args: argparse.Namespace) -> list[Job]:
    """Seed by seed, so that what a stopped run has done can be compared."""
    listed = []
    for seed in range(args.seeds):
        real = args.camo is not None and seed < args.camo_seeds
        for number, difficulty in enumerate(args.difficulty):
            listed += [Job(name, seed, difficulty, then_camo=real and number == 0) for name in args.models]
        if real and seed < args.random_seeds:
            listed += [Job(name, seed, None, then_camo=False) for name in args.models]
    return listed


def tables(found: list[Found]) -> str:
    """A table a ground: mean and largest distance from it, over seeds."""
    lines: list[str] = []
    for ground in sorted({each.ground for each in found}, reverse=True):
        lines += ["", ground, f"{'':<12}" + "".join(f"{each:>18}" for each in FIGURES) + f"{'seeds':>7}{'seconds':>9}"]
        for name in MODELS:
            own = [each for each in found if (each.ground, each.job.model) == (ground, name)]
            if not own:
                continue
            cells = []
            for figure in FIGURES.values():
                values = [each.metrics[figure] for each in own]
                mean = fmean(values)
                cells.append(f"{mean:.4f} ± {max(abs(value - mean) for value in values):.4f}")
            seconds = fmean(each.seconds for each in own)
            lines.append(f"{name:<12}" + "".join(f"{cell:>18}" for cell in cells) + f"{len(own):>7}{seconds:>9.0f}")
    return "\n".join(lines)


def kept(file: Path) -> list[Found]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Found(Job(*job), *others) for job, *others in map(json.loads, lines)]


def main(args: argparse.Namespace) -> None:
    found = kept(args.results) if args.results else []
    done = {each.job for each in found}
    listed = [job for job in jobs(args) if job not in done]
    share = (max(1, cores() // args.jobs),)
    spawn = multiprocessing.get_context("spawn")
    started = time.perf_counter()
    with (
        nullcontext(args.folder) if args.folder else tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(args.jobs, spawn, initializer=torch.set_num_threads, initargs=share) as pool,
    ):
        waiting = [pool.submit(train, job, args, str(folder)) for job in listed]
        for each in tqdm(as_completed(waiting), total=len(listed), disable=None, unit="job"):
            found += each.result()
            if args.results:
                with args.results.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(one) + "\n" for one in each.result())
            print(tables(found), flush=True)
    print(f"\n{len(listed)} jobs in {time.perf_counter() - started:.0f} s, {args.jobs} at a time")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--difficulty", type=float, nargs="+", default=[0.4, 0.8])
    parser.add_argument("--camo", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8, help="of 1024 generated images")
    parser.add_argument("--camo-seeds", type=int, default=3)
    parser.add_argument("--camo-epochs", type=int, default=6)
    parser.add_argument("--random-seeds", type=int, default=1, help="for CAMO from random weights too")
    parser.add_argument("--held-out", type=float, default=0.1, help="share of CAMO's pairs")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--jobs", type=int, default=1, help="models trained at a time")
    parser.add_argument("--results", type=Path, metavar="FILE", help="to keep them in, one in a line")
    parser.add_argument(
        "--folder", type=Path, help="for the runs, to look at them with frame report; else none is kept"
    )
    main(parser.parse_args())
