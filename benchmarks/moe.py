"""What running only the chosen experts saves, beside the most that it could save.

    python benchmarks/moe.py [--size PX] [--top-k K] [--batches N ...] [--seconds S] [--precision fp32] [--threads N]

The mixtures of the ``moe`` head, a router and the seven experts at each of four levels, on maps as a backbone gives for
images of that size. ``ratio`` is the time of a step with sparse dispatch over that with every expert on every image;
``limit`` is the share of the experts' own time that is due to the experts really chosen: each expert is timed by itself
on the whole batch, in the same rounds. With experts of equal cost it is K / 7. ``over`` is ratio / limit. ``chosen ms``
is what the chosen experts take by themselves: what the sparse step takes more goes into the router, gathering, weighing
and summing, and into a graph that is kept for all levels at once; the dense step pays for the last three too.

All that is compared takes its turn in each round, forwards and backwards through the list by turns, so that a noisy
machine bothers all alike, the two that matter most three times in alternation; figures are medians, ratios those of
neighbours. On a CPU with ``--threads 1`` it is processor time that counts, which is the same but for what other
programs take. A second table gives each expert's own time per image, by level.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

import frame
from frame.config.bind import bind_component
from frame.contracts.strategy import device_name
from frame.plugin.component import Kind
from frame_heads.mixture import Mixture, dispatch
from real import wait

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STRIDES, WIDTH = (4, 8, 16, 32), 64
LEAST_ROUNDS, TURNS = 5, 3
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Scene:
    """Mixtures and their maps, and how a step over them is taken."""

    def __init__(self, args: argparse.Namespace, batch: int, *, train: bool) -> None:
        self.device, self.train, self.dtype = torch.device(args.device), train, DTYPES[args.precision]
        torch.manual_seed(0)
        head = bind_component(frame.catalog(), Kind.HEAD, "moe", [f"top_k={args.top_k}", f"width={WIDTH}"])
        model = head(channels=(WIDTH,) * 4, strides=STRIDES, num_classes=1).to(self.device).train(train)
        self.names = [type(expert).__name__.lower() for expert in model.mixtures[0].experts]
        self.layers: list[Mixture] = list(model.mixtures)
        self.maps = [self._map(batch, -(-args.size // stride)) for stride in STRIDES]
        self.clock = time.process_time if self._has_one_thread() else time.perf_counter

    def _map(self, batch: int, side: int) -> Tensor:
        """A map whose mean differs from image to image, as the routers need it to tell them apart."""
        x = torch.randn(batch, WIDTH, side, side) + torch.randn(batch, WIDTH, 1, 1)
        if self.device.type == "cpu":
            x = x.contiguous(memory_format=torch.channels_last)  # as the head's laterals give it
        return x.to(self.device, self.dtype).requires_grad_(self.train)

    def _has_one_thread(self) -> bool:
        return self.device.type == "cpu" and torch.get_num_threads() == 1

    def loads(self) -> list[list[int]]:
        """Images of each expert, by level."""
        return [layer.router(x).load.sum(0).int().tolist() for layer, x in zip(self.layers, self.maps, strict=True)]

    def sparse(self) -> list[Tensor]:
        routings = [layer.router(x) for layer, x in zip(self.layers, self.maps, strict=True)]
        steps = zip(self.layers, self.maps, routings, dispatch(routings), strict=True)
        return [layer.sparse(x, routing.weights, plan) for layer, x, routing, plan in steps]

    def dense(self) -> list[Tensor]:
        return [layer.dense(x, layer.router(x).weights) for layer, x in zip(self.layers, self.maps, strict=True)]

    def alone(self, level: int, expert: int) -> list[Tensor]:
        return [self.layers[level].experts[expert](self.maps[level])]

    def milliseconds(self, work: Callable[[], Sequence[Tensor]]) -> float:
        """Of a forward pass and, in training, its backward pass."""
        wait(self.device)
        started = self.clock()
        with (
            torch.set_grad_enabled(self.train),
            torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16),
        ):
            found = work()
        if self.train:
            torch.autograd.backward(found, [torch.ones_like(each) for each in found])
        wait(self.device)
        spent = (self.clock() - started) * 1000
        for each in (*self.maps, *(p for layer in self.layers for p in layer.parameters())):
            each.grad = None
        return spent


class Row(NamedTuple):
    mode: str
    batch: int
    rounds: int
    sparse: float
    dense: float
    chosen: float
    ratio: float
    limit: float


def measure(scene: Scene, batch: int, seconds: float) -> tuple[Row, dict[tuple[int, int], float]]:
    """A row of the table, and each expert's milliseconds per image, by level and expert."""
    pairs = [(level, expert) for level in range(len(STRIDES)) for expert in range(len(scene.names))]
    works: dict[Any, Callable[[], list[Tensor]]] = {"sparse": scene.sparse, "dense": scene.dense}
    works |= {pair: partial(scene.alone, *pair) for pair in pairs}
    times: dict[Any, list[float]] = {key: [] for key in works}
    for work in works.values():
        scene.milliseconds(work)  # the first one allocates
    turns = ["sparse", "dense"] * TURNS + pairs
    started, rounds = time.perf_counter(), 0
    while time.perf_counter() - started < seconds or rounds < LEAST_ROUNDS:
        for key in turns if rounds % 2 else reversed(turns):
            times[key].append(scene.milliseconds(works[key]))
        rounds += 1
    cost = {pair: median(times[pair]) / batch for pair in pairs}
    loads = scene.loads()
    chosen = sum(cost[level, expert] * loads[level][expert] for level, expert in pairs)
    ratio = median(one / other for one, other in zip(times["sparse"], times["dense"], strict=True))
    limit = chosen / (batch * sum(cost.values()))
    mode = "train" if scene.train else "eval"
    return Row(mode, batch, rounds, median(times["sparse"]), median(times["dense"]), chosen, ratio, limit), cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--top-k", type=int, default=2)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 8, 16, 32])
    parser.add_argument("--modes", nargs="+", choices=["train", "eval"], default=["train", "eval"])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each row")
    parser.add_argument("--precision", choices=list(DTYPES), default="fp32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows, costs, names = [], {}, []
    for mode, batch in tqdm([(mode, batch) for mode in args.modes for batch in args.batches], disable=None):
        scene = Scene(args, batch, train=mode == "train")
        row, cost = measure(scene, batch, args.seconds)
        rows.append(row)
        costs[mode, batch], names = cost, scene.names
    where = f"{device_name(torch.device(args.device))}, {args.threads} threads, {args.precision}"
    print(f"top {args.top_k} of {len(names)}, {args.size} px, width {WIDTH}; {where}")
    times = f"{'sparse ms':>11}{'dense ms':>10}{'chosen ms':>11}"
    print(f"{'':<6}{'batch':>6}{'rounds':>8}{times}{'ratio':>8}{'limit':>8}{'over':>7}")
    for row in rows:
        times = f"{row.sparse:>11.1f}{row.dense:>10.1f}{row.chosen:>11.1f}{row.ratio:>8.3f}{row.limit:>8.3f}"
        print(f"{row.mode:<6}{row.batch:>6}{row.rounds:>8}{times}{row.ratio / row.limit:>7.2f}")
    mode, batch = args.modes[0], args.batches[-1]
    print(f"\nms per image of each expert alone, {mode}, batch {batch}, by level")
    for expert, name in enumerate(names):
        shown = "".join(f"{costs[mode, batch][level, expert]:>9.3f}" for level in range(len(STRIDES)))
        print(f"{name:<12}{shown}")


if __name__ == "__main__":
    main()
