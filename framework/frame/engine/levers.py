"""Precision, memory layout and compilation: what a config says or, on ``"auto"``, what a short probe finds faster."""

from __future__ import annotations

import copy
import sys
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from frame.contracts.strategy import device_name
from frame.data.pipeline import Batch, normalized, target
from frame.engine import randomness
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frame.engine.build import Built
    from frame.engine.model import Segmenter

AUTO = "auto"
AUTOCAST = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
WORTH_IT = 1.1  # times as fast: less is noise
ROUNDS, ROUND_SECONDS = 8, 12.0  # steps taken in turn: so many, or for so long, whichever is less; 3 at least
IMAGES = {"cpu": 4}  # of a batch, so that a probe is short: the gain of a whole batch may differ
MOST_IMAGES = 16
COMPILE_SECONDS, COMPILE_GAIN = 300.0, 1.3  # what compiling takes at worst, and what may be hoped for


class Levers(NamedTuple):
    """How the model's arithmetic is done. Before they are chosen, one may be ``"auto"``."""

    precision: Any = "fp32"
    channels_last: Any = False
    compile: Any = False

    def apply(self, model: Segmenter) -> None:
        """Set up a model. Names of weights stay as they are; compilation itself waits for the first step."""
        model.autocast = AUTOCAST[self.precision]
        if self.channels_last:
            model.memory_format = torch.channels_last
            model.to(memory_format=torch.channels_last)
        if self.compile:
            model.compile()  # in place: no wrapper, so no prefix

    def __str__(self) -> str:
        layout = "channels last" if self.channels_last else "channels first"
        return f"{self.precision}, {layout}, {'compiled' if self.compile else 'not compiled'}"


def choose(built: Built, saved: Levers | None) -> tuple[Levers, tuple[str, ...]]:
    """The levers of a run, and what a person should know about them.

    ``saved`` are those of the run that this one goes on from: what is ``"auto"`` stays as it was picked there, because
    another pick would not end with the same bits.
    """
    train, device, told = built.run.train, built.strategy.root_device, []
    if train.compile is True and not built.strategy.compiles:
        told.append("warning train.compile has no effect: this strategy can't run a compiled model")
    if train.precision == "bf16" and device.type == "cuda" and not _has_bf16():
        told.append(f'warning train.precision: {device_name(device)} emulates bf16; "fp16" is faster')
    asked = Levers(train.precision, train.channels_last, train.compile if built.strategy.compiles else False)
    if saved is not None:
        levers = Levers(*(old if new == AUTO else new for new, old in zip(asked, saved, strict=True)))
    else:
        before = randomness.capture()
        probed = _probed(built, asked) if built.strategy.is_global_zero else None
        levers, reasons = built.strategy.broadcast(probed)
        randomness.restore(before)  # so that a probe changes nothing
        told += [f"compute {reason}" for reason in reasons]
    return levers, (f"compute {levers}", *told)


def _probed(built: Built, asked: Levers) -> tuple[Levers, list[str]]:
    """``asked`` with a choice for each that is ``"auto"``, and the reasons."""
    levers, reasons = Levers(), []
    precision, channels_last, compiled = asked
    if precision == AUTO:
        precision, reason = _precision(built, built.strategy.root_device)
        reasons.append(f"precision = {precision}: {reason}")
    levers = levers._replace(precision=precision)
    if channels_last == AUTO:
        speed = _speed(built, levers, levers._replace(channels_last=True))
        channels_last = speed >= WORTH_IT
        reasons.append(f"channels_last = {str(channels_last).lower()}: {speed:.2f} times as fast with it in a probe")
    levers = levers._replace(channels_last=channels_last)
    if compiled == AUTO:
        compiled, reason = _compile(built, levers)
        reasons.append(f"compile = {str(compiled).lower()}: {reason}")
    return levers._replace(compile=compiled), reasons


@contextmanager
def compile_failures_told() -> Iterator[None]:
    """Within it a failure of ``torch.compile``, or of the code that it made, says what to do about it.

    Raises
    ------
    UserError
        In its place; every other error stays what it is.
    """
    try:
        yield
    except (RuntimeError, AssertionError) as error:
        dynamo = sys.modules.get("torch._dynamo.exc")  # imported only if something was compiled
        made = any("_inductor" in frame.filename for frame in traceback.extract_tb(error.__traceback__))
        if dynamo is None or not (made or isinstance(error, dynamo.TorchDynamoException)):
            raise
        raise UserError(
            f"train.compile: torch.compile fails here ({_cause(error)}); set train.compile = false"
        ) from error


def _cause(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _has_bf16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _precision(built: Built, device: torch.device) -> tuple[str, str]:
    if device.type == "cuda":
        return ("bf16", "the GPU has it") if _has_bf16() else ("fp16", "the GPU has no bf16; gradients are scaled")
    if device.type != "cpu":
        return (
            ("bf16", "the device has it") if device.type == "xpu" else ("fp32", f"on {device.type} it is the safe one")
        )
    speed = _speed(built, Levers(), Levers("bf16"))
    return "bf16" if speed >= WORTH_IT else "fp32", f"bf16 was {speed:.2f} times as fast as fp32 in a probe"


def _compile(built: Built, levers: Levers) -> tuple[bool, str]:
    images = _images(built)
    steps = sum(plan.steps * plan.table.batch_size for plan in built.plans) / images
    (seconds,) = _fastest(_Probe(built, levers))
    hoped = seconds * steps * (1 - 1 / COMPILE_GAIN)
    if hoped < COMPILE_SECONDS:
        return False, f"this run would gain {hoped:.0f} s at best, and compiling takes longer"
    try:
        speed = _speed(built, levers, levers._replace(compile=True))
    except Exception as error:  # noqa: BLE001  (a compiler that is missing, or does not know the model: anything)
        return False, f"torch.compile fails here ({_cause(error)})"
    return speed >= WORTH_IT, f"{speed:.2f} times as fast compiled in a probe"


def _speed(built: Built, one: Levers, other: Levers) -> float:
    """How many times as fast a training step is with ``other``."""
    first, second = _fastest(_Probe(built, one), _Probe(built, other))
    return first / second


def _fastest(*probes: _Probe) -> list[float]:
    """Seconds of each probe's fastest step, taken in turn: what disturbs a machine makes steps slower, never faster."""
    started, rounds = time.perf_counter(), [[probe.seconds() for probe in probes]]
    while len(rounds) < ROUNDS and (len(rounds) < 3 or time.perf_counter() - started < ROUND_SECONDS):
        rounds.append([probe.seconds() for probe in probes])
    return [min(times) for times in zip(*rounds, strict=True)]


def _images(built: Built) -> int:
    most = IMAGES.get(built.strategy.root_device.type, MOST_IMAGES)
    return min(most, *(plan.table.batch_size for plan in built.plans))


class _Probe:
    """Forward and backward passes of a copy of the model over noise."""

    def __init__(self, built: Built, levers: Levers) -> None:
        self.device, size, images = built.strategy.root_device, built.samples.size, _images(built)
        self.model = copy.deepcopy(built.model).to(self.device).train()
        self.objective = copy.deepcopy(built.objective).to(self.device)
        self.num_classes = built.run.num_classes
        levers.apply(self.model)
        noise = torch.randint(0, 256, (images, size, size, 3), dtype=torch.uint8)
        self.batch = Batch(noise.to(self.device), (noise[..., 0] > 127).to(self.device, torch.uint8))
        self.seconds()  # the first pass plans, allocates and compiles

    def seconds(self) -> float:
        """Of one step."""
        self._wait()
        started = time.perf_counter()
        prediction = self.model(normalized(self.batch.images, self.model.memory_format))
        loss, _ = self.objective(prediction, target(self.batch.masks, self.num_classes))
        loss.backward()
        self.model.zero_grad()
        self._wait()
        return time.perf_counter() - started

    def _wait(self) -> None:
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)
