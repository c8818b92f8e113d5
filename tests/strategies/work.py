"""What the processes of a test do: each function is called in all of them."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

import frame
from frame import Prediction, Sample, Strategy, UserError, catalog
from frame.config.bind import bind_component
from frame.data.pipeline import Subset, ValidationSamples, validation_loader
from frame.engine import levers
from frame.engine.adamw import FusedAdamW
from frame.engine.checkpoints import checkpoint
from frame.engine.model import Segmenter
from frame.engine.processes.ranks import OtherRankFailedError
from frame.engine.validate import validate
from frame.plugin.component import Kind
from frame_strategies import fsdp
from frame_strategies.ddp import Ddp
from frame_strategies.single import Single

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILDS = {"single": lambda: Single(device="cpu"), "ddp": lambda: Ddp(timeout=60), "fsdp": lambda: fsdp.Fsdp(timeout=60)}


@contextmanager
def started(name: str) -> Iterator[Strategy]:
    strategy: Strategy = BUILDS[name]()
    strategy.setup_environment()
    try:
        yield strategy
    finally:
        strategy.teardown()


def trained(config: dict[str, Any], overrides: tuple[str, ...] = (), resume: bool = False) -> Any:
    """A run; the log of its recorder and its figures, of the first process."""
    import frame_small

    frame_small.Recorder.log.clear()
    result = frame.run(config, overrides, catalog(), resume=resume)
    return result and (list(frame_small.Recorder.log), result.metrics)


def trained_with_a_bad_loss(call: int, bad: int, *arguments: Any) -> Any:
    """A run in which the loss of one process is nan once."""
    import frame_small

    plain, calls = frame_small.Plain.forward, []

    def forward(self: Any, prediction: Any, mask: Any) -> Any:
        calls.append(1)
        hit = len(calls) == call and os.environ["RANK"] == str(bad)
        return plain(self, prediction, mask) * (float("nan") if hit else 1)

    frame_small.Plain.forward = forward
    try:
        return trained(*arguments)
    finally:
        frame_small.Plain.forward = plain


def message_of_a_full_disk(*arguments: Any) -> str:
    """What each process says when the first can't write."""
    write = checkpoint.save_file

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    checkpoint.save_file = full
    try:
        trained(*arguments)
    except (UserError, OtherRankFailedError) as error:
        return str(error)
    finally:
        checkpoint.save_file = write
    return "nothing"


def chosen_levers(config: dict[str, Any]) -> Any:
    """What each process works with when the first finds something that no other would."""
    from frame.config.bind import load_run
    from frame.engine.build import build

    def probed(built: Any, _asked: Any) -> Any:
        return levers.Levers("bf16" if built.strategy.is_global_zero else "fp32"), ["a probe said so"]

    probe, levers._probed = levers._probed, probed
    try:
        run = load_run(config, catalog())
        strategy = run.strategy()
        strategy.setup_environment()
        built = build(run, strategy)
        found = levers.choose(built, None)
        first = next(built.model.parameters()).sum().item()
        strategy.teardown()
    finally:
        levers._probed = probe
    return found[0].precision, first, torch.rand(()).item()


class Scene:
    """Images of any size, some of which can't be read."""

    def __init__(self, length: int, broken: int | None) -> None:
        self.length, self.broken = length, broken

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        if index == self.broken:
            raise UserError(f"{index}.png is damaged")
        generator = torch.Generator().manual_seed(index)
        side = 9 + index
        image = torch.randint(0, 256, (side, side, 3), generator=generator, dtype=torch.uint8).numpy()
        return Sample(image, (image[..., 0] > 100 + 60 * (index % 3)).astype("uint8"), str(index))


def figures(name: str, broken: int | None) -> list[dict[str, float]]:
    """Validation figures of sets of 1 to 7 images, in batches of 2."""
    from tests.strategies.models import segmenter

    found = []
    with started(name) as strategy:
        module = strategy.setup_module(segmenter())
        for length in range(1, 8):
            loader = validation_loader(ValidationSamples(Subset(Scene(length, broken)), 16, "skip"), 2, 0, CPU)
            metrics = {each: bind_component(catalog(), Kind.METRIC, each)(num_classes=1) for each in METRICS}
            seen: list[str] = []
            found.append(
                validate(
                    module,
                    strategy,
                    strategy.setup_dataloader(loader),
                    metrics,
                    lambda: None,
                    lambda sample, _, seen=seen: seen.append(sample.id),
                    lambda _: None,
                )
            )
            everywhere = [each for share in strategy.all_gather(seen) for each in share]
            assert sorted(everywhere) == [str(index) for index in range(length) if index != broken]
    return found


CPU = torch.device("cpu")
METRICS = ("iou", "dice", "mae")


def scales(name: str) -> tuple[list[float], bool]:
    """The scale of fp16 gradients around one that overflows in a part that the last process alone may hold."""
    from tests.strategies.models import images, loss_of, segmenter

    scales, unchanged = [], True
    with started(name) as strategy:
        module = strategy.setup_module(segmenter())
        optimizer = strategy.setup_optimizer(torch.optim.AdamW(module.parameters(), lr=0.01))
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=2)
        for step in range(3):
            before = strategy.all_gather([here(each).clone() for each in module.parameters()])
            loss = loss_of(module(images(2, "cpu")))
            strategy.backward(scaler.scale(loss))
            if step == 1:
                last = next(module.parameters()).grad
                here(last)[-1:].fill_(float("inf") if strategy.global_rank == 1 or name == "ddp" else 1.0)
            scaler.unscale_(optimizer)
            norm = strategy.clip_grad_norm_(list(module.parameters()), 1.0)
            assert strategy.all_gather(bool(norm.isfinite())) == [step != 1] * 2
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            scales.append(scaler.get_scale())
            after = strategy.all_gather([here(each).clone() for each in module.parameters()])
            same = all(map(torch.equal, chain(*before), chain(*after)))
            unchanged &= same == (step == 1)
    return scales, unchanged


def here(parameter: Any) -> torch.Tensor:
    """A tensor, or this process's shard of it."""
    return parameter.detach().to_local() if hasattr(parameter, "to_local") else parameter.detach()


def whole(tensor: Any) -> torch.Tensor:
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


class Choosy(nn.Module):
    """A head each process of which uses another part, one part none of them, and one is fixed."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Conv2d(6, 1, 1) for _ in range(4))
        self.fixed = nn.Conv2d(6, 1, 1).requires_grad_(False)
        self.process = 0

    def forward(self, features: Any, size: Any) -> Prediction:
        (x,) = features
        return Prediction(self.parts[self.process](x) + self.parts[2](x) + self.fixed(x))


def gradients(name: str, asks_for_zeros: bool = True) -> list[dict[str, torch.Tensor | None]]:
    """Of a head that is not used alike: after a step, after two batches, and with other parts trained."""
    from tests.strategies.models import Bone, images

    found = []
    asked, fsdp.ASKS_FOR_ZEROS = fsdp.ASKS_FOR_ZEROS, fsdp.ASKS_FOR_ZEROS and asks_for_zeros
    with started(name) as strategy, tempfile.TemporaryFile() as errors:
        torch.manual_seed(0)
        model = Segmenter(Bone(), Choosy())
        model.head.process = strategy.global_rank
        module = strategy.setup_module(model)
        stream = os.dup(2)
        os.dup2(errors.fileno(), 2)  # where torch's C++ writes

        def step(apart: bool = False) -> None:
            with strategy.no_sync(module, enabled=apart):
                strategy.backward(module(images(2, "cpu")).logits.sum())

        def note() -> None:
            kept = {name: each.grad for name, each in model.named_parameters()}  # which the next step may reuse
            found.append({name: each if each is None else whole(each).clone() for name, each in kept.items()})
            module.zero_grad()

        step()
        note()
        model.head.process = 2
        step(apart=True)
        model.head.process = strategy.global_rank
        step()
        note()
        model.backbone.requires_grad_(False)
        model.head.parts[0].requires_grad_(False)
        step(apart=True)
        step()
        note()
        with torch.inference_mode(), strategy.eval_module(module) as unwrapped:
            unwrapped(images(1, "cpu"))
        model.backbone.requires_grad_(True)
        model.head.parts[0].requires_grad_(True)
        step()
        note()
        os.dup2(stream, 2)
        os.close(stream)
        errors.seek(0)
        assert errors.read() == b""
    fsdp.ASKS_FOR_ZEROS = asked
    return found


def sharded() -> tuple[set[str], int, int]:
    """What is a unit of its own, and how many values each process keeps of how many."""
    from tests.strategies.models import segmenter

    with started("fsdp") as strategy:
        model = strategy.setup_module(segmenter())
        units = {name for name, part in model.named_modules() if isinstance(part, fsdp.FSDPModule)}
        parameters = list(model.parameters())
        return units, sum(here(each).numel() for each in parameters), sum(each.numel() for each in parameters)


def after_infinity() -> bool:
    """Whether a step that is told of infinity changes nothing of sharded parameters, and the next one does."""
    from tests.strategies.models import images, loss_of, segmenter

    with started("fsdp") as strategy:
        module = strategy.setup_module(segmenter())
        optimizer = strategy.setup_optimizer(FusedAdamW([{"params": list(module.parameters()), "lr": 0.1}]))
        strategy.backward(loss_of(module(images(2, "cpu"))))

        def stepped(infinite: float) -> dict[str, Any]:
            optimizer.found_inf = torch.tensor(infinite)
            strategy.optimizer_step(optimizer)
            return strategy.model_state_dict(module)

        before, same, other = strategy.model_state_dict(module), stepped(1.0), stepped(0.0)
        moments = strategy.optimizer_state_dict(module, optimizer)
    trained = {name for name, moment in moments.items() if moment["exp_avg"].any()}
    return bool(
        all(torch.equal(value, same[name]) for name, value in before.items())
        and not any(torch.equal(before[name], other[name]) for name in trained)
        and (trained or not strategy.is_global_zero)
        and all(moment["step"] == 1 for moment in moments.values())
    )
