"""What a training loop adds to each step: Frame, Lightning Fabric, Lightning Trainer and Accelerate over a bare loop.

    pip install -e '.[bench]'
    python benchmarks/loop_overhead.py [ROUNDS] [STEPS]

All train one model of 401 weights from the same start on the same 16 x 16 images in the same order, on one thread. In
each round every contestant takes ``STEPS`` steps, each round starting with another one, so that a noisy machine bothers
all of them alike. A figure is the time from the end of an epoch's first step to the end of its last, a step, less that
of the bare loop in the same round; the table shows the median over the rounds and the quartiles beside it. Building,
validation and checkpoints are not in it.

The contestants do the same work in each step: a batch from a ``DataLoader`` without workers, bytes to normalised
floats, forward, loss, backward, a step of fused AdamW on two groups a part, gradients back to ``None``. Beyond that

bare
    does nothing. Its loader has the shortest ``Dataset`` and ``collate_fn`` there can be.
Frame
    is ``frame.run`` as anybody calls it, with its own samples and loader: it averages the weights, clips, guards each
    step against what is not finite, writes rates, sums every loss up, looks whether to stop, and logs every tenth step
    by the callback ``history``, whose writing at the epoch's end is counted in. The lines below it leave one of these
    out, and show so what it costs.
Fabric
    ``setup``, ``setup_dataloaders`` and ``fabric.backward`` on the bare loop. It neither averages, clips nor logs.
Accelerate
    ``prepare`` and ``accelerator.backward`` on the bare loop. It neither averages, clips nor logs.
Trainer
    a ``LightningModule`` with the bare loop's step; no bar, no checkpoints, no validation. It neither averages nor
    clips; with logging, ``self.log`` in each step and the CSV logger with its default of every fiftieth.

At the end all have the same weights, to the bit; otherwise the benchmark fails.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple

import lightning
import numpy as np
import torch
from accelerate import Accelerator
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

import frame
import tiny
from frame.config.bind import load_run
from frame.data.pipeline import MEAN, STD
from frame.data.sampling import BatchPlan
from frame.engine import checkpoint
from frame.engine.build import build

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH, RATE, DECAY = 2, 1e-3, 1e-4
NEVER = 1e6  # a norm that clips nothing, so that those who don't clip end with the same weights
FULL = {"train.ema": 0.999, "train.clip": NEVER, "history": True}


Batch = tuple[Tensor, Tensor]


class Outcome(NamedTuple):
    """Seconds a step, and the weights at the end."""

    seconds: float
    weights: dict[str, Tensor]


class Task:
    """What all contestants are given: the start, the samples and their order."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.catalog = frame.catalog(files=[Path(tiny.__file__)])
        run = load_run(self.config("unused", FULL), self.catalog, [])
        built = build(run, run.strategy())
        self.start = {name: value.clone() for name, value in built.model.state_dict().items()}
        self.samples = [(sample.image, sample.mask) for sample in built.train.dataset.samples]
        plan = BatchPlan(len(self.samples), BATCH, run.run.seed)
        self.order = [[position for _, position in batch] for batch in plan]

    def config(self, folder: str, parts: dict[str, Any]) -> dict[str, Any]:
        """Frame's config. The second stopwatch sees an epoch's end after the history has written it."""
        callbacks = {"before": "stopwatch"} | ({"history": "history"} if parts["history"] else {})
        return {
            "run": {"name": "tiny", "folder": folder},
            "data": {"name": "squares", "images": self.steps * BATCH, "size": tiny.SIDE, "workers": 0},
            "backbone": "bone",
            "head": "head",
            "losses": {"cross_entropy": "cross_entropy"},
            "strategy": {"name": "single", "device": "cpu"},
            "metrics": {"accuracy": "accuracy"},
            "callbacks": callbacks | {"after": "stopwatch"},
            "train": {"weight_decay": DECAY}
            | {key: parts[f"train.{key}"] for key in ("ema", "clip") if f"train.{key}" in parts},
            "stages": {"main": {"epochs": 1, "batch_size": BATCH, "lr": RATE, "scheduler": "constant"}},
        }

    def model(self) -> Plain:
        model = Plain()
        model.load_state_dict(self.start)
        return model

    def loader(self) -> DataLoader[Any]:
        return DataLoader(self.samples, batch_sampler=self.order, collate_fn=stacked)  # type: ignore[arg-type]


class Plain(nn.Module):
    """The model without Frame around it."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = tiny.Bone(drop=0.0)
        self.head = tiny.Head(channels=self.backbone.channels, strides=self.backbone.strides, num_classes=1)
        self.loss = tiny.CrossEntropy()
        self.mean, self.std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)

    def forward(self, batch: Batch) -> Tensor:
        images, masks = batch
        floats = images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        floats.sub_(self.mean).div_(self.std)
        return self.loss(self.head(self.backbone(floats), (tiny.SIDE, tiny.SIDE)), masks.float().unsqueeze(1))


def stacked(items: list[Any]) -> Batch:
    images, masks = zip(*items, strict=True)
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(masks))


def adamw(model: Plain) -> torch.optim.AdamW:
    """Norms and biases are not decayed, as in Frame."""
    groups = [
        {"params": [each for each in part.parameters() if (each.ndim > 1) == decayed], "weight_decay": DECAY * decayed}
        for part in (model.backbone, model.head)
        for decayed in (True, False)
    ]
    return torch.optim.AdamW(groups, lr=RATE, fused=True)


def bare(task: Task) -> Outcome:
    model = task.model()
    optimizer = adamw(model)
    began = 0.0
    for batch in task.loader():
        model(batch).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        began = began or time.perf_counter()
    return Outcome((time.perf_counter() - began) / (task.steps - 1), model.state_dict())


def with_frame(task: Task, without: str = "") -> Outcome:
    parts = FULL | {"history": without not in ("history", "all")}
    if without == "all":
        parts = {"history": False}
    else:
        parts.pop(without, None) if without != "history" else None
    with tempfile.TemporaryDirectory() as folder:
        result = frame.run(task.config(folder, parts), plugins=task.catalog)
        weights = checkpoint.load(result.checkpoint).weights
    before, after = tiny.Stopwatch.made[-2:]
    seconds = after.last - after.first + after.epoch_end - before.epoch_end
    return Outcome(seconds / (task.steps - 1), weights)


def with_fabric(task: Task) -> Outcome:
    fabric = lightning.Fabric(accelerator="cpu", devices=1)
    model, optimizer = fabric.setup(plain := task.model(), adamw(plain))
    began = 0.0
    for batch in fabric.setup_dataloaders(task.loader()):
        fabric.backward(model(batch))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        began = began or time.perf_counter()
    return Outcome((time.perf_counter() - began) / (task.steps - 1), plain.state_dict())


def with_accelerate(task: Task) -> Outcome:
    accelerator = Accelerator(cpu=True)
    plain = task.model()
    model, optimizer, loader = accelerator.prepare(plain, adamw(plain), task.loader())
    began = 0.0
    for batch in loader:
        accelerator.backward(model(batch))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        began = began or time.perf_counter()
    return Outcome((time.perf_counter() - began) / (task.steps - 1), plain.state_dict())


class Module(lightning.LightningModule):
    """The bare step in Lightning's words."""

    def __init__(self, plain: Plain, *, logs: bool) -> None:
        super().__init__()
        self.plain = plain
        self.logs = logs

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        loss = self.plain(batch)
        if self.logs:
            self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adamw(self.plain)


class LightningStopwatch(lightning.Callback):
    began = ended = 0.0

    def on_train_batch_end(self, *_arguments: Any) -> None:
        self.ended = time.perf_counter()
        self.began = self.began or self.ended


def with_trainer(task: Task, *, logs: bool) -> Outcome:
    watch = LightningStopwatch()
    module = Module(task.model(), logs=logs)
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=1,
            logger=CSVLogger(folder) if logs else False,
            callbacks=[watch],
            enable_progress_bar=False,
            enable_checkpointing=False,
            enable_model_summary=False,
        )
        trainer.fit(module, task.loader())
    return Outcome((watch.ended - watch.began) / (task.steps - 1), module.plain.state_dict())


CONTESTANTS: dict[str, Callable[[Task], Outcome]] = {
    "bare": bare,
    "Frame": with_frame,
    "Frame without EMA": partial(with_frame, without="train.ema"),
    "Frame without clip": partial(with_frame, without="train.clip"),
    "Frame without history": partial(with_frame, without="history"),
    "Frame without all three": partial(with_frame, without="all"),
    "Fabric": with_fabric,
    "Accelerate": with_accelerate,
    "Trainer": partial(with_trainer, logs=False),
    "Trainer with logging": partial(with_trainer, logs=True),
}


def main(rounds: int, steps: int) -> None:
    torch.set_num_threads(1)
    import os

    os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    task = Task(steps)
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    names = list(CONTESTANTS)
    for number in tqdm(range(rounds), disable=None):
        first = number % len(names)
        ends = {}
        for name in names[first:] + names[:first]:
            outcome = CONTESTANTS[name](task)
            times[name].append(outcome.seconds * 1e6)
            ends[name] = outcome.weights
        for name, weights in ends.items():
            for key, value in ends["bare"].items():
                if not torch.equal(weights[key], value):
                    raise SystemExit(f"{name}: {key} is not the bare loop's")
    print(f"{'contestant':<26}{'us a step':>10}{'over bare':>10}{'quartiles':>18}   ({rounds} rounds of {steps} steps)")
    for name in names:
        over = [each - base for each, base in zip(times[name], times["bare"], strict=True)]
        low, _, high = quantiles(over, n=4)
        print(f"{name:<26}{median(times[name]):>10.1f}{median(over):>10.1f}{f'{low:.1f} .. {high:.1f}':>18}")
    print("weights: all equal to the bit")


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:3]) if len(sys.argv) > 2 else (20, 400))
