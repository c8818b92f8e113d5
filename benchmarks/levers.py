"""What each lever of the engine gives a real model: the time without it over that with it.

    python benchmarks/levers.py [--backbone NAME] [--heads NAME ...] [--size PX] [--batch IMAGES] [--seconds S]

Steps are the engine's own, with clipping, guard and average, on one batch of generated camouflage that was loaded
before, on the first GPU or the CPU. All that is compared takes its steps in turn, one a round, so that a noisy machine
bothers all alike; rounds go on until the seconds are spent. The table shows the median milliseconds, and the median
and quartiles of the ratio within a round: 2.00 is twice as fast with the lever.

``bf16``, ``channels_last``, both, and ``frozen backbone`` are settings of a config, against the same config without
them; a frozen backbone's forward pass remains. ``fused AdamW`` is against torch's ``foreach`` one, ``EMA by foreach``
against a loop over the parameters; both alone, and the optimizer in a whole step too, but on a GPU, where the guard
needs the fused one.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from tqdm import tqdm

import frame
from frame.config.bind import load_run
from frame.contracts.strategy import device_name
from frame.data.pipeline import windows
from frame.engine.build import build
from frame.engine.ema import Ema
from frame.engine.events import Events
from frame.engine.fit import Fit
from frame.engine.levers import choose
from frame.engine.model import parameter_count
from frame.engine.stages import set_trained
from frame.engine.stopping import Stopping
from real import tables, wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.optim import Optimizer

DECAY = 0.999
SHORT = 20
LEAST_ROUNDS = 5


class Trainer:
    """A model with all that takes its steps, as ``frame.run`` would build it."""

    def __init__(self, config: dict[str, Any], *overrides: str) -> None:
        run = load_run(config, frame.catalog(), overrides)
        self.built = build(run, run.strategy())
        self.device, self.model = self.built.strategy.root_device, self.built.model
        (plan,) = self.built.plans
        levers, _ = choose(self.built, None)
        self.step = Fit(self.built, levers, Path(), Events({}), Stopping(None), None).step_of(plan)
        set_trained(self.model, plan.table, plan.trained_stages(0, len(self.model.backbone_stages())))
        self.samples, self.window = next(windows(self.built.training_loader(plan), 1, 0))

    def __call__(self) -> None:
        self.step(self.window, self.samples)
        if self.step.bad_steps():
            raise SystemExit("a loss or gradient is not finite: its time would say nothing")


class Work(NamedTuple):
    """Something to time: done ``times`` times a round, because once would be too short."""

    do: Callable[[], Any]
    times: int = 1


class Row(NamedTuple):
    lever: str
    what: str
    without: Work
    with_it: Work


def with_foreach(fused: Optimizer) -> Optimizer:
    """The same groups in the optimizer that is not fused."""
    kept = ("params", "part", "lr", "weight_decay")
    return torch.optim.AdamW([{key: group[key] for key in kept} for group in fused.param_groups], foreach=True)


def rows(config: dict[str, Any], trainer: Trainer) -> list[Row]:
    plain = Work(trainer)
    settings = {
        "bf16": ["train.precision=bf16"],
        "channels_last": ["train.channels_last=true"],
        "bf16, channels_last": ["train.precision=bf16", "train.channels_last=true"],
        "frozen backbone": ['stages.main.frozen=["backbone"]'],
    }
    found = [Row(lever, "step", plain, Work(Trainer(config, *changes))) for lever, changes in settings.items()]
    unfused, rest = Trainer(config), Trainer(config)
    if trainer.device.type == "cpu":
        unfused.step.optimizer = with_foreach(unfused.step.optimizer)
        found.append(Row("fused AdamW", "step", Work(unfused), plain))
    for parameter in rest.model.parameters():
        parameter.grad = torch.full_like(parameter, 1e-3)
    fused = rest.step.optimizer
    found.append(Row("fused AdamW", "optimizer", Work(with_foreach(fused).step, SHORT), Work(fused.step, SHORT)))
    found.append(Row("EMA by foreach", "average", Work(loop(rest), SHORT), Work(Ema(rest.model, DECAY).update, SHORT)))
    return found


def loop(trainer: Trainer) -> Callable[[], None]:
    """The average as it is often written: a parameter after the other."""
    live = list(trainer.model.parameters())
    average = [parameter.detach().clone() for parameter in live]

    @torch.no_grad()
    def update() -> None:
        for mean, parameter in zip(average, live, strict=True):
            mean.mul_(DECAY).add_(parameter, alpha=1 - DECAY)

    return update


def milliseconds(work: Work, device: torch.device) -> float:
    """Of doing it once."""
    wait(device)
    started = time.perf_counter()
    for _ in range(work.times):
        work.do()
    wait(device)
    return (time.perf_counter() - started) / work.times * 1000


def compare(args: argparse.Namespace, head: str, seconds: float) -> None:
    config = tables(args.backbone, head, args.size, args.batch)
    plain = Trainer(config)
    found = rows(config, plain)
    works = {id(work): work for row in found for work in (row.without, row.with_it)}
    times: dict[int, list[float]] = {key: [] for key in works}
    for work in works.values():
        milliseconds(work, plain.device)  # the first one allocates, and makes the optimizer's moments
    started, rounds = time.perf_counter(), 0
    with tqdm(desc=head, unit="round", disable=None) as bar:
        while time.perf_counter() - started < seconds or rounds < LEAST_ROUNDS:
            for key, work in works.items():
                times[key].append(milliseconds(work, plain.device))
            rounds += 1
            bar.update()
    title = f"{args.backbone} + {head}, {parameter_count(plain.model) / 1e6:.1f} M parameters"
    print(f"\n{title}, {args.batch} images of {args.size} px; {device_name(plain.device)}; {rounds} rounds")
    print(f"{'lever':<22}{'of':<12}{'without ms':>12}{'with ms':>12}{'ratio':>8}{'quartiles':>16}")
    for lever, what, without, with_it in found:
        off, on = times[id(without)], times[id(with_it)]
        ratios = [one / other for one, other in zip(off, on, strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        spread = f"{low:.2f} .. {high:.2f}"
        print(f"{lever:<22}{what:<12}{median(off):>12.3f}{median(on):>12.3f}{middle:>8.2f}{spread:>16}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="edgenext_small")
    parser.add_argument("--heads", nargs="+", default=["fpn", "moe"])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=160.0)
    args = parser.parse_args()
    for head in args.heads:
        compare(args, head, args.seconds / len(args.heads))


if __name__ == "__main__":
    main()
