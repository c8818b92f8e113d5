"""What a training loop adds to each step: Frame, Lightning Fabric, Lightning Trainer and Accelerate over a bare loop.

    pip install -e '.[bench]'
    python benchmarks/loop_overhead.py [ROUNDS] [STEPS]

All train the 401 weights of ``tiny.py``'s model from one start on the same 16 x 16 images in the same order, on one
thread. In each round every contestant takes ``STEPS`` steps, each round begins with another one, and the table shows
medians over the rounds: so a noisy machine bothers all of them alike. A figure is the time from the end of an epoch's
first step to the end of its last, a step, less the bare loop's in the same round. Building, validation and checkpoints
are not in it. It is the process's time on the CPU, which other processes do not lengthen; the wall's is beside it.

All do the same work in each step: a batch from a ``DataLoader`` without workers, bytes to normalised floats, forward,
loss, backward, a step of fused AdamW, gradients back to ``None``. The backbone learns at a tenth of the head's rate and
biases are not decayed, so that nobody gets by with less than two groups of parameters a part. Beyond that

bare
    does nothing. Its data set is a list, and its batches are made by the two lines that have to be.
by hand
    is the bare loop with clipping, guard and average in torch's own functions: their price without any framework.
Frame
    is ``frame.run`` as anybody calls it, with its own samples and loader: it averages the weights, clips, guards each
    step against what is not finite, writes rates, sums up the losses, looks whether to stop, and logs every tenth step
    by the callback ``history``, whose writing at the epoch's end is counted in. The lines below it leave something of
    this out and so show what it costs; the guard, which needs the gradient's norm, is always there.
Fabric, Accelerate
    are the bare loop with ``setup`` and ``setup_dataloaders``, or ``prepare``, and their ``backward``. They neither
    average, clip, guard nor log.
Trainer
    is a ``LightningModule`` with the bare loop's step, without bar, checkpoints and validation. It neither averages,
    clips nor guards. With logging: ``self.log`` in each step and the CSV logger, which by default takes each fiftieth.

At the end all have the same weights, to the bit; otherwise the benchmark fails.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import tempfile
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
from frame.engine.build import build
from frame.engine.checkpoints import checkpoint
from tiny import Moment

if TYPE_CHECKING:
    from collections.abc import Callable

Batch = tuple[Tensor, Tensor]

BATCH, RATE, BACKBONE_SCALE, DECAY, SEED = 2, 1e-3, 0.1, 1e-4, 0
NO_LIMIT = 1e6  # a norm that no gradient has, so that those who don't clip end with the same weights
RATES = {"lr": RATE, "backbone_lr_scale": BACKBONE_SCALE}
EMA, CLIP, HISTORY = {"ema": 0.999}, {"clip": NO_LIMIT}, {"history": "history"}


class Outcome(NamedTuple):
    """Microseconds a step on both clocks, and the weights at the end."""

    cpu: float
    wall: float
    weights: dict[str, Tensor]


def outcome(first: Moment, last: Moment, steps: int, weights: dict[str, Tensor]) -> Outcome:
    """Of a loop that took ``steps`` steps between two moments."""
    return Outcome((last.cpu - first.cpu) / steps * 1e6, (last.wall - first.wall) / steps * 1e6, weights)


class Task:
    """What all contestants are given: the weights at the start, the samples and their order."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.catalog = frame.catalog(files=[Path(tiny.__file__)])
        run = load_run(self.config("unused", {}, {}), self.catalog, [])
        built = build(run, run.strategy())
        self.start = {name: value.clone() for name, value in built.model.state_dict().items()}
        self.samples: Any = [(sample.image, sample.mask) for sample in built.train.dataset]
        self.order = [[position for _, position in batch] for batch in BatchPlan(len(self.samples), BATCH, SEED)]

    def config(self, folder: str, train: dict[str, float], callbacks: dict[str, str]) -> dict[str, Any]:
        """Frame's. The second stopwatch sees an epoch's end when the history has written it."""
        return {
            "run": {"name": "tiny", "folder": folder, "seed": SEED},
            "data": {"name": "squares", "images": self.steps * BATCH, "size": tiny.SIDE, "workers": 0},
            "backbone": "bone",
            "head": "head",
            "losses": {"plain_cross_entropy": "plain_cross_entropy"},
            "strategy": {"name": "single", "device": "cpu"},
            "metrics": {"accuracy": "accuracy"},
            "callbacks": {"before": "stopwatch", **callbacks, "after": "stopwatch"},
            "train": {"weight_decay": DECAY, **train},
            "stages": {"main": {"epochs": 1, "batch_size": BATCH, "scheduler": "constant", **RATES}},
        }

    def model(self) -> Plain:
        model = Plain()
        model.load_state_dict(self.start)
        return model

    def loader(self) -> DataLoader[Any]:
        return DataLoader(self.samples, batch_sampler=self.order, collate_fn=stacked)


class Plain(nn.Module):
    """The model without Frame around it: a batch to its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = tiny.Bone(drop=0.0)
        self.head = tiny.Head(channels=self.backbone.channels, strides=self.backbone.strides, num_classes=1)
        self.loss = tiny.CrossEntropy()
        self.mean, self.std = (torch.tensor(each).view(3, 1, 1) for each in (MEAN, STD))

    def forward(self, batch: Batch) -> Tensor:
        images, masks = batch
        floats = images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        floats.sub_(self.mean).div_(self.std)
        return self.loss(self.head(self.backbone(floats), (tiny.SIDE, tiny.SIDE)), masks.float().unsqueeze(1))


def stacked(items: list[tuple[np.ndarray, np.ndarray]]) -> Batch:
    images, masks = zip(*items, strict=True)
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(masks))


def adamw(model: Plain) -> torch.optim.AdamW:
    """As Frame's: norms and biases are not decayed."""
    groups = [
        {
            "params": [each for each in part.parameters() if (each.ndim > 1) == decayed],
            "lr": rate,
            "weight_decay": DECAY * decayed,
        }
        for part, rate in ((model.backbone, RATE * BACKBONE_SCALE), (model.head, RATE))
        for decayed in (True, False)
    ]
    return torch.optim.AdamW(groups, fused=True)


def bare(task: Task) -> Outcome:
    model = task.model()
    optimizer = adamw(model)
    first = None
    for batch in task.loader():
        model(batch).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        first = first or Moment.now()
    return outcome(first, Moment.now(), task.steps - 1, model.state_dict())


def by_hand(task: Task) -> Outcome:
    model = task.model()
    optimizer, parameters = adamw(model), list(model.parameters())
    average = [each.detach().clone() for each in parameters]
    first = None
    for number, batch in enumerate(task.loader()):
        loss = model(batch)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, NO_LIMIT)
        if math.isfinite(loss.item()) and math.isfinite(norm):
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, parameters, 1 - min(EMA["ema"], (1 + number) / (10 + number)))
        optimizer.zero_grad(set_to_none=True)
        first = first or Moment.now()
    return outcome(first, Moment.now(), task.steps - 1, model.state_dict())


def with_frame(task: Task, train: dict[str, float], callbacks: dict[str, str]) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        result = frame.run(task.config(folder, train, callbacks), plugins=task.catalog)
        weights = checkpoint.load(result.checkpoint).weights
    before, after = tiny.Stopwatch.made[-2:]
    steps = outcome(after.first_step, after.last_step, task.steps - 1, weights)
    writing = outcome(before.epoch, after.epoch, task.steps - 1, weights)
    return Outcome(steps.cpu + writing.cpu, steps.wall + writing.wall, weights)


def with_fabric(task: Task) -> Outcome:
    fabric = lightning.Fabric(accelerator="cpu", devices=1)
    plain = task.model()
    model, optimizer = fabric.setup(plain, adamw(plain))
    first = None
    for batch in fabric.setup_dataloaders(task.loader()):
        fabric.backward(model(batch))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        first = first or Moment.now()
    return outcome(first, Moment.now(), task.steps - 1, plain.state_dict())


def with_accelerate(task: Task) -> Outcome:
    accelerator = Accelerator(cpu=True)
    plain = task.model()
    model, optimizer, loader = accelerator.prepare(plain, adamw(plain), task.loader())
    first = None
    for batch in loader:
        accelerator.backward(model(batch))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        first = first or Moment.now()
    return outcome(first, Moment.now(), task.steps - 1, plain.state_dict())


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
    """Notes when the first step ended, and the last one."""

    first: Moment | None = None

    def on_train_batch_end(self, *_arguments: Any) -> None:
        self.first = self.first or Moment.now()

    def on_train_epoch_end(self, *_arguments: Any) -> None:
        self.last = Moment.now()


def with_trainer(task: Task, *, logs: bool) -> Outcome:
    watch, module = LightningStopwatch(), Module(task.model(), logs=logs)
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
    return outcome(watch.first, watch.last, task.steps - 1, module.plain.state_dict())


CONTESTANTS: dict[str, Callable[[Task], Outcome]] = {
    "bare": bare,
    "  by hand": by_hand,
    "Frame": partial(with_frame, train=EMA | CLIP, callbacks=HISTORY),
    "  without EMA": partial(with_frame, train=CLIP, callbacks=HISTORY),
    "  without clip": partial(with_frame, train=EMA, callbacks=HISTORY),
    "  without history": partial(with_frame, train=EMA | CLIP, callbacks={}),
    "  without all three": partial(with_frame, train={}, callbacks={}),
    "Fabric": with_fabric,
    "Accelerate": with_accelerate,
    "Trainer": partial(with_trainer, logs=False),
    "Trainer with logging": partial(with_trainer, logs=True),
}


def main(rounds: int, steps: int) -> None:
    # Lightning sets it when imported, for the whole process, and then each step of any optimizer asks the driver.
    os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    torch.set_num_threads(1)
    task, names = Task(steps), list(CONTESTANTS)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    for number in tqdm(range(rounds), disable=None, unit="round"):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            outcomes[name].append(CONTESTANTS[name](task))
        for name in names:
            refuse_difference(name, outcomes[name][-1].weights, outcomes["bare"][-1].weights)
    print(f"{rounds} rounds of {steps} steps; torch {torch.__version__}, lightning {lightning.__version__}")
    print(f"{'us a step':<22}{'CPU':>8}{'over bare':>11}{'quartiles':>18}{'wall':>9}{'over bare':>11}")
    for name in names:
        cpu = [each.cpu - base.cpu for each, base in zip(outcomes[name], outcomes["bare"], strict=True)]
        wall = [each.wall - base.wall for each, base in zip(outcomes[name], outcomes["bare"], strict=True)]
        low, _, high = quantiles(cpu, n=4)
        print(
            f"{name:<22}{median(each.cpu for each in outcomes[name]):>8.1f}{median(cpu):>11.1f}"
            f"{f'{low:.1f} to {high:.1f}':>18}{median(each.wall for each in outcomes[name]):>9.1f}{median(wall):>11.1f}"
        )
    print("The weights of all are equal, to the bit.")


def refuse_difference(name: str, weights: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    if different := [key for key, value in expected.items() if not torch.equal(weights[key], value)]:
        raise SystemExit(f"{name.strip()} ends with other weights than the bare loop: {', '.join(different)}")


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    main(*numbers, *(20, 400)[len(numbers) :])
