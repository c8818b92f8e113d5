"""Images a second from files to batches: Frame, cached and not, against a plain albumentations and OpenCV data set.

    python benchmarks/loader.py CAMO [--size PX] [--side PX] [--workers N] [--batch N] [--images N] [--rounds N]

``CAMO`` is a folder of the data set in its own layout. All take the same images at the same size, with Frame's default
augmentation, in a ``DataLoader`` with as many workers, an epoch in turn, each round beginning with another one, so that
a noisy machine bothers all alike. The cache is filled before, and workers are running before anything is timed.

plain
    is what one writes: ``cv2.imread``, RGB, ``cv2.resize``, an ``albumentations.Compose`` of the same transforms, and
    torch's own collation. Its batches are bytes, like Frame's.
plain, floats
    has ``Normalize`` and ``ToTensorV2`` at the end, as their documentation shows. Frame's batches are then normalised
    too, in the training process and by the same call as in a run, and the ratio is between floats.

The table shows medians over the rounds, and the median and quartiles of plain's time over each one's within a round, on
the clock and on the CPU (training process and workers together, Linux only), which other processes lengthen less.

``--side`` writes the images anew first, with their longest side so long. Published sets are larger than reduced copies
of them, and what a cache saves is decoding and resizing.

Below it: the share of training steps in which the loop waited for data, with the smallest backbone and a plain head.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

import frame
from frame.config.bind import load_run
from frame.data.pipeline import batches, normalized, windows
from frame.engine.build import build
from frame.engine.events import Events
from frame.engine.fit import Fit
from frame.engine.levers import Levers
from frame.engine.stopping import Stopping
from frame.engine.waiting import Waiting
from frame_augmentation.default import CAMOUFLAGE
from frame_augmentation.pipeline import A
from frame_augmentation.tables import built as transform_of
from real import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from frame.engine.build import Built

STEPS = 8  # of training, whose waiting is measured
ROW = "{:<22}{:>10}{:>12}{:>8}{:>16}{:>8}{:>16}"


class Plain:
    """A data set as one writes it; picklable, and the same work in each worker."""

    def __init__(self, files: list[tuple[str, str]], size: int, *, floats: bool) -> None:
        self.files, self.size = files, (size, size)
        transforms = [transform_of(table, size, "") for table in CAMOUFLAGE]
        if floats:
            transforms += [A.Normalize(), A.pytorch.ToTensorV2()]
        self.transform = A.Compose(transforms)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image_file, mask_file = self.files[index]
        image = cv2.resize(cv2.cvtColor(cv2.imread(image_file), cv2.COLOR_BGR2RGB), self.size)
        mask = (cv2.imread(mask_file, cv2.IMREAD_GRAYSCALE) > 128).astype(np.uint8)
        mask = cv2.resize(mask, self.size, interpolation=cv2.INTER_NEAREST)
        out = self.transform(image=image, mask=mask)
        return out["image"], out["mask"]


def one_thread(_worker: int) -> None:
    cv2.setNumThreads(0)


class Contestant(NamedTuple):
    loader: DataLoader[Any]
    epoch: Callable[[DataLoader[Any]], Any]
    """Its batches."""
    floats: Callable[[Any], Any] | None = None
    """What turns one into what a model takes."""


class Spent(NamedTuple):
    """Microseconds an image."""

    wall: float
    cpu: float


def measured(contestant: Contestant, images: int) -> Spent:
    loader, epoch, floats = contestant
    started, before = time.perf_counter(), cpu_seconds(loader)
    seen = 0
    for batch in epoch(loader):
        seen += len(batch[0])
        if floats:
            floats(batch)
    spent = time.perf_counter() - started, cpu_seconds(loader) - before
    assert seen == images  # noqa: S101
    return Spent(*(each / images * 1e6 for each in spent))


def cpu_seconds(loader: DataLoader[Any]) -> float:
    """Of this process and the loader's workers."""
    workers = getattr(loader._iterator, "_workers", ())  # noqa: SLF001
    ticks = 0
    for worker in workers:
        if (stat := Path(f"/proc/{worker.pid}/stat")).exists():
            ticks += sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def enlarged(source: Path, folder: Path, side: int) -> None:
    """The set's images and masks with their longest side ``side`` long."""
    for file in tqdm(sorted(source.rglob("*.[jp][pn]g")), desc="enlarging", disable=None, leave=False):
        pixels = cv2.imread(str(file), cv2.IMREAD_COLOR if file.suffix == ".jpg" else cv2.IMREAD_GRAYSCALE)
        scale = side / max(pixels.shape[:2])
        how = cv2.INTER_CUBIC if file.suffix == ".jpg" else cv2.INTER_NEAREST
        (target := folder / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(target), cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=how))


def built(root: Path, args: argparse.Namespace, cache: Path | None) -> Built:
    """What ``frame run`` builds for the set, with the default augmentation."""
    data = {"name": "camo", "root": str(root), "size": args.size, "workers": args.workers, "validation": 0.1}
    data |= {"augmentation": {"name": "albumentations"}, "cache": str(cache) if cache else False}
    config = tables("edgenext_xx_small", "fpn", args.size, args.batch) | {"data": data, "strategy": "single"}
    run = load_run(config, frame.catalog())
    return build(run, run.strategy())


def frames(build: Built, args: argparse.Namespace) -> DataLoader[Any]:
    """Frame's loader of the first ``images`` training images."""
    build.train.indices = build.train.indices[: args.images]
    return build.training_loader(build.plans[0])


def next_epoch(loader: DataLoader[Any]) -> Any:
    loader.batch_sampler.epoch += 1
    return batches(loader)


def compare(root: Path, cache: Path, args: argparse.Namespace) -> None:
    uncached, cached = (built(root, args, each) for each in (None, cache))
    loaders = {"Frame": frames(uncached, args), "Frame, cached": frames(cached, args)}
    dataset: Any = uncached.train.dataset
    files = [dataset.files(int(index)) for index in uncached.train.indices]
    settings = {"batch_size": args.batch, "shuffle": True, "num_workers": args.workers, "worker_init_fn": one_thread}
    settings["persistent_workers"] = args.workers > 0
    plain = {each: DataLoader(Plain(files, args.size, floats=each), **settings) for each in (False, True)}
    contestants = {"plain": Contestant(plain[False], iter)}
    contestants |= {name: Contestant(loader, next_epoch) for name, loader in loaders.items()}
    contestants["plain, floats"] = Contestant(plain[True], iter, lambda batch: batch[1].float().unsqueeze(1))
    for name, loader in loaders.items():
        contestants[f"{name}, floats"] = Contestant(loader, next_epoch, lambda batch: normalized(batch.images))
    names, spent = list(contestants), {name: [] for name in contestants}
    for name in names:
        measured(contestants[name], len(files))  # starts workers, fills the cache
    for number in tqdm(range(args.rounds), unit="round", disable=None, leave=False):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            spent[name].append(measured(contestants[name], len(files)))
    print(
        f"{len(files)} images to {args.size} px, batches of {args.batch}, {args.workers} workers, {args.rounds} rounds"
    )
    print(ROW.format("", "images/s", "CPU us each", "ratio", "quartiles", "CPU", "quartiles"))
    for name in names:
        base = spent["plain, floats" if "floats" in name else "plain"]
        ratios = [
            [getattr(one, clock) / getattr(own, clock) for one, own in zip(base, spent[name], strict=True)]
            for clock in Spent._fields
        ]
        cells = [cell for found in ratios for cell in (f"{median(found):.2f}", quartiles(found))]
        per_second = f"{1e6 / median(each.wall for each in spent[name]):.0f}"
        print(ROW.format(name, per_second, f"{median(each.cpu for each in spent[name]):.0f}", *cells))


def quartiles(found: list[float]) -> str:
    low, _, high = quantiles(found, n=4)
    return f"{low:.2f} - {high:.2f}"


def waits(root: Path, cache: Path, args: argparse.Namespace) -> None:
    """The share of training steps that goes on waiting for data, the start of the workers included."""
    print(f"\n{STEPS} training steps; waited for data:")
    for name, folder in (("Frame", None), ("Frame, cached", cache)):
        prepared, waiting = built(root, args, folder), Waiting()
        fit = Fit(prepared, Levers(), Path(), Events({}), Stopping(None), None)
        step = fit.step_of(prepared.plans[0])
        following = windows(prepared.training_loader(prepared.plans[0]), 1, 0)
        for samples, window in waiting.over(islice(following, STEPS)):
            step(window, samples)
        print(f"{name:<22}{waiting.share:>8.1%}   {(waiting.worked + waiting.waited) / STEPS * 1e3:.0f} ms a step")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("camo", type=Path, help="the folder CAMO-V.1.0-CVIU2019")
    parser.add_argument("--size", type=int, default=352, help="of the batches")
    parser.add_argument("--side", type=int, help="longest side of the files: enlarged to it first")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--images", type=int, default=480)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as folder:
        root = args.camo
        if args.side:
            enlarged(args.camo, root := Path(folder) / args.camo.name, args.side)
        compare(root, Path(folder) / "cache", args)
        waits(root, Path(folder) / "cache", args)


if __name__ == "__main__":
    main()
