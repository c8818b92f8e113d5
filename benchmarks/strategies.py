"""What each device strategy makes of the same step: its time at one total batch, over that of ``single``.

    python benchmarks/strategies.py [--backbone NAME] [--head NAME] [--size PX] [--batch IMAGES] [--rounds N]

Every contestant has processes of its own that are built once, as ``frame.run`` would, and wait while others take their
turn: ``STEPS`` steps each round, on one batch that was loaded before, with clipping, guard and average. So a noisy
machine bothers all alike. A ratio is that of the medians within a round; the table shows its median and quartiles.

bare
    is the same model and losses in a loop of forward, backward, fused AdamW, without clipping, guard or average.
single
    is Frame on one device; on the CPU with a thread a core.
ddp x 1, fsdp x 1
    are a group of one process: what wrapping costs, when nothing is won by it.
data_parallel x N, ddp x N, fsdp x N
    are N devices. Without GPUs they are two threads or processes, which share the cores: replicas with torch's maps,
    of which only the two functions that move tensors between GPUs are swapped; processes under gloo, a thread each.

On a GPU the share of ``single``'s step in which the GPU is busy is added, from the profiler's sum over kernels, of
further steps. What replicating a model costs in Python is ``replication.py``'s.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import time
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.nn.parallel import scatter_gather
from torch.profiler import ProfilerActivity, profile
from tqdm import tqdm

import frame
from frame.config.bind import load_run
from frame.contracts.strategy import device_name
from frame.data.pipeline import normalized, target, windows
from frame.engine.build import build
from frame.engine.events import Events
from frame.engine.fit import Fit
from frame.engine.levers import choose
from frame.engine.model import parameter_count
from frame.engine.stages import build_optimizer, set_trained
from frame.engine.stopping import Stopping
from frame_strategies.data_parallel import DataParallel
from real import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection

GPUS = torch.cuda.device_count()
DEVICES = GPUS or 2
BUSY_STEPS = 10


class Contestant(NamedTuple):
    strategy: str
    processes: int = 1
    devices: int = 1
    bare: bool = False


CONTESTANTS = {
    "bare": Contestant("single", bare=True),
    "single": Contestant("single"),
    "ddp x 1": Contestant("ddp"),
    "fsdp x 1": Contestant("fsdp"),
}
if DEVICES > 1:
    CONTESTANTS |= {
        f"data_parallel x {DEVICES}": Contestant("data_parallel", devices=DEVICES),
        f"ddp x {DEVICES}": Contestant("ddp", DEVICES),
        f"fsdp x {DEVICES}": Contestant("fsdp", DEVICES),
    }


class Team:
    """A contestant's processes."""

    def __init__(self, contestant: Contestant, args: argparse.Namespace) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        context = multiprocessing.get_context("spawn")
        self.pipes = []
        for rank in range(contestant.processes):
            here, there = context.Pipe()
            context.Process(target=serve, args=(there, contestant, args, rank, port), daemon=True).start()
            self.pipes.append(here)

    def __call__(self, what: str, steps: int) -> Any:
        """Let all processes do something; returns the first one's answer."""
        for pipe in self.pipes:
            pipe.send((what, steps))
        answers = [pipe.recv() for pipe in self.pipes]
        return answers[0]


def serve(pipe: Connection, contestant: Contestant, args: argparse.Namespace, rank: int, port: int) -> None:
    if contestant.strategy in ("ddp", "fsdp"):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": contestant.processes}
        place |= {"LOCAL_WORLD_SIZE": contestant.processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        os.environ.update({name: str(value) for name, value in place.items()})
    if not GPUS:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // max(contestant.processes, contestant.devices)))
        replicate_on_cpu()
    take, about = trainer(contestant, args)
    while True:
        try:
            what, steps = pipe.recv()
        except EOFError:  # all is measured
            return
        pipe.send(about if what == "about" else busy(take, steps) if what == "busy" else seconds(take, steps))
        if GPUS:
            torch.cuda.empty_cache()  # for the next contestant


def trainer(contestant: Contestant, args: argparse.Namespace) -> tuple[Callable[[], None], str]:
    """What takes a step, and a line about it."""
    options = {"devices": contestant.devices} if contestant.strategy == "data_parallel" else {}
    config = tables(args.backbone, args.head, args.size, args.batch) | {
        "strategy": {"name": contestant.strategy, **options}
    }
    run = load_run(config, frame.catalog(), [])
    strategy = run.strategy()
    strategy.setup_environment()
    built = build(run, strategy)
    (plan,) = built.plans
    levers, _ = choose(built, None)
    fit = Fit(built, levers, Path(), Events({}), Stopping(None), None)
    set_trained(built.model, plan.table, plan.trained_stages(0, len(built.model.backbone_stages())))
    samples, window = next(windows(built.training_loader(plan), 1, 0))
    about = f"{run.backbone.name} + {run.head.name}, {parameter_count(built.model) / 1e6:.1f} M parameters"
    if not contestant.bare:
        step = fit.step_of(plan)

        def whole() -> None:
            step(window, samples)
            if step.bad_steps():  # the look waits for the device
                raise SystemExit("a loss or gradient is not finite: its time would say nothing")

        return whole, about
    optimizer = build_optimizer(plan, built.model, built.objective, 1e-4)

    def bare() -> None:
        images, masks, _ = strategy.batch_to_device(window[0])
        built.objective(built.model(normalized(images)), target(masks, 1))[0].backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if GPUS:
            torch.cuda.synchronize()

    return bare, about


def seconds(take: Callable[[], None], steps: int) -> list[float]:
    """The time of each step."""
    found = []
    for _ in range(steps):
        started = time.perf_counter()
        take()
        found.append(time.perf_counter() - started)
    return found


def busy(take: Callable[[], None], steps: int) -> float:
    """The share of the time in which kernels run, which with one stream don't overlap."""
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        taken = sum(seconds(take, steps))
    return sum(event.self_device_time_total for event in profiled.key_averages()) / 1e6 / taken


class Scatter:
    @staticmethod
    def apply(devices: Sequence[Any], _sizes: None, dim: int, tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tensor.chunk(len(devices), dim)


class Gather:
    @staticmethod
    def apply(_device: Any, dim: int, *tensors: torch.Tensor) -> torch.Tensor:
        return torch.cat(tensors, dim)


def replicate_on_cpu() -> None:
    """Let ``data_parallel`` take threads for devices."""
    scatter_gather.Scatter, scatter_gather.Gather = Scatter, Gather
    DataParallel.device_type = "cpu"
    DataParallel.available = lambda _self: DEVICES
    DataParallel.name = lambda _self, _device: "CPU"


def main(args: argparse.Namespace) -> None:
    teams = {name: Team(contestant, args) for name, contestant in CONTESTANTS.items()}
    device = device_name(torch.device("cuda" if GPUS else "cpu"))
    print(f"{teams['single']('about', 0)}, {args.batch} images of {args.size} px, {device}, torch {torch.__version__}")
    for team in teams.values():
        team("take", 2)  # allocate, choose kernels
    names, rounds = list(teams), []
    for number in tqdm(range(args.rounds), disable=None, unit="round"):
        first = number % len(names)
        order = names[first:] + names[:first]
        rounds.append({name: median(teams[name]("take", args.steps)) for name in order})
    print(f"{args.rounds} rounds of {args.steps} steps\n{'':<20}{'ms a step':>10}{'over single':>13}{'quartiles':>16}")
    for name in names:
        ratios = [each[name] / each["single"] for each in rounds]
        low, _, high = quantiles(ratios, n=4)
        ms = median(each[name] for each in rounds) * 1000
        print(f"{name:<20}{ms:>10.1f}{median(ratios):>13.2f}{f'{low:.2f} to {high:.2f}':>16}")
    if GPUS:
        print(f"the GPU is busy in {teams['single']('busy', BUSY_STEPS):.0%} of single's step")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--backbone", default="edgenext_base" if GPUS else "edgenext_small")
    parser.add_argument("--head", default="moe")
    parser.add_argument("--size", type=int, default=320 if GPUS else 128)
    parser.add_argument("--batch", type=int, default=24 if GPUS else 8)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=3)
    main(parser.parse_args())
