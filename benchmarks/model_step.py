"""A training step of Frame's models against segmentation_models.pytorch's on the same timm backbone.

    pip install -e '.[bench]'
    python benchmarks/model_step.py [--backbone NAME] [--size PX] [--batch IMAGES] [--rounds N]

Forward, loss, backward and a step of fused AdamW, from random weights, on one batch of generated camouflage, on the
first GPU or the CPU. All take a step in turn, each round begins with another one, and the table shows the median
milliseconds, and median and quartiles of the ratio to smp's FPN within a round: so a noisy machine bothers all alike.
Parameters are in millions; multiply-adds, in billions, are those of convolutions and matrix products in one forward
pass of one image; a mixture's are of the experts that this image was sent to.

Frame's models come with what they are trained with: the mask loss, deep supervision over their side outputs, and the
mixture of seven experts, the best three for each image and level, with the router's balance. The others have the mask
loss alone, for they have one output.
"""

from __future__ import annotations

import argparse
import time
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

import frame
from frame import Prediction
from frame.config.bind import load_run
from frame.contracts.strategy import device_name
from frame.data.pipeline import normalized, target, windows
from frame.engine.adamw import FusedAdamW
from frame.engine.build import build
from frame.engine.model import parameter_count
from real import tables, wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from frame.engine.build import Built

REFERENCE = "smp FPN"


def built(args: argparse.Namespace, head: str) -> Built:
    run = load_run(tables(args.backbone, head, args.size, args.batch), frame.catalog(), [])
    return build(run, run.strategy())


class Other(nn.Module):
    """A model of smp's, with its logits as a prediction."""

    def __init__(self, kind: Callable[..., nn.Module], backbone: str) -> None:
        super().__init__()
        self.model = kind(f"tu-{backbone}", encoder_weights=None)

    def forward(self, image: Tensor) -> Prediction:
        return Prediction(self.model(image))


class Contestant:
    """A model with what takes its steps."""

    def __init__(self, model: nn.Module, losses: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
        self.model, self.losses = model.to(batch[0].device), losses.to(batch[0].device)
        self.images, self.masks = batch
        self.optimizer = FusedAdamW([{"params": list(model.parameters()), "lr": 1e-4}])

    def milliseconds(self) -> float:
        """Of one step."""
        wait(self.images.device)
        started = time.perf_counter()
        found = self.losses(self.model(self.images), self.masks)
        (found[0] if isinstance(found, tuple) else found).backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        wait(self.images.device)
        return (time.perf_counter() - started) * 1000

    def multiply_adds(self) -> int:
        counter = FlopCounterMode(display=False)
        self.model.eval()
        with torch.no_grad(), counter:
            self.model(self.images[:1])
        self.model.train()
        return counter.get_total_flops() // 2


def contestants(args: argparse.Namespace) -> dict[str, Contestant]:
    mixed, plain = built(args, "moe"), built(args, "fpn")
    (plan,), device = mixed.plans, mixed.strategy.root_device
    _, (window, *_) = next(windows(mixed.training_loader(plan), 1, 0))
    batch = normalized(window.images.to(device)), target(window.masks.to(device), 1)
    mask: Any = mixed.objective.losses["mask"]
    return {
        "Frame moe": Contestant(mixed.model, mixed.objective, batch),
        "Frame fpn": Contestant(plain.model, plain.objective, batch),
        REFERENCE: Contestant(Other(smp.FPN, args.backbone), mask, batch),
        "smp U-Net": Contestant(Other(smp.Unet, args.backbone), mask, batch),
    }


def main(args: argparse.Namespace) -> None:
    found = contestants(args)
    names, rounds = list(found), []
    for each in found.values():
        each.milliseconds()  # allocate, choose kernels
    for number in tqdm(range(args.rounds), disable=None, unit="round"):
        first = number % len(names)
        rounds.append({name: found[name].milliseconds() for name in names[first:] + names[:first]})
    device = device_name(found[REFERENCE].images.device)
    print(
        f"{args.backbone}, {args.batch} images of {args.size} px, {args.rounds} rounds, {device}, smp {smp.__version__}"
    )
    print(f"{'':<12}{'parameters':>12}{'multiply-adds':>15}{'ms a step':>11}{f'over {REFERENCE}':>14}{'quartiles':>16}")
    for name in names:
        ratios = [each[name] / each[REFERENCE] for each in rounds]
        low, _, high = quantiles(ratios, n=4)
        weights, work = parameter_count(found[name].model) / 1e6, found[name].multiply_adds() / 1e9
        print(
            f"{name:<12}{weights:>12.2f}{work:>15.2f}{median(each[name] for each in rounds):>11.0f}"
            f"{median(ratios):>14.2f}{f'{low:.2f} to {high:.2f}':>16}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--backbone", default="edgenext_base")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=8)
    main(parser.parse_args())
