"""How each kind of module is built, fed and read, so that one check serves backbones, experts and heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from frame.contracts.model import Prediction
from frame.plugin.component import Kind
from frame.testing.case import CONTEXT
from frame.testing.outcome import CheckSkippedError, fail, told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from frame.testing.case import Subject

CHANNELS: tuple[int, ...] = CONTEXT[Kind.HEAD]["channels"]
STRIDES: tuple[int, ...] = CONTEXT[Kind.HEAD]["strides"]

Inputs = list[Tensor]
Outputs = dict[str, Tensor]
"""Every tensor that comes out, by what a person would call it."""


def images(batch: int, height: int, width: int, seed: int = 1) -> Tensor:
    """``[B, 3, H, W]``, about as ImageNet-normalised images are: smooth, with a mean of 0."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(batch, 3, max(2, height // 8), max(2, width // 8), generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return smooth + 0.3 * torch.randn(batch, 3, height, width, generator=generator)


def feature_maps(
    batch: int, size: tuple[int, int], channels: Sequence[int], strides: Sequence[int], seed: int = 1
) -> list[Tensor]:
    """What a backbone gives for images of ``size``, finest first."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(batch, count, -(-size[0] // stride), -(-size[1] // stride), generator=generator)
        for count, stride in zip(channels, strides, strict=True)
    ]


class Rig:
    """A module of one kind at work: ``inputs`` makes what goes in, ``run`` calls it and names what comes out."""

    def __init__(self, subject: Subject, **context: Any) -> None:
        self.subject = subject
        self.kind = subject.kind
        self.context = context
        self.size = subject.case.size

    def build(self, seed: int = 0) -> nn.Module:
        """A module from a seed; skips if it can't be built."""
        module = self.subject.build(seed, **self.context)
        if not isinstance(module, nn.Module):
            raise CheckSkippedError("it builds no torch.nn.Module, see check_it_is_a_module")
        return module

    def inputs(self, batch: int = 2, seed: int = 1) -> Inputs:
        """Tensors whose first dimension is the batch."""
        if self.kind is Kind.BACKBONE:
            return [images(batch, self.size, self.size, seed)]
        if self.kind is Kind.EXPERT:
            return feature_maps(batch, (12, 16), (self.context.get("channels", 16),), (1,), seed)
        return feature_maps(batch, (self.size, self.size), CHANNELS, STRIDES, seed)

    def call(self, module: nn.Module, inputs: Inputs) -> Any:
        """What the module itself returns, or raises."""
        if self.kind is Kind.HEAD:
            return module(list(inputs), (self.size, self.size))
        return module(*inputs)

    def outputs(self, returned: Any) -> Outputs:
        """The tensors of what was returned. Raises :class:`CheckFailedError` for what is not of the kind's form."""
        if self.kind is Kind.BACKBONE:
            if not isinstance(returned, (list, tuple)) or not returned or not _are_maps(returned):
                fail(f"forward returns {_form(returned)}", "return a list of maps [B, C, h, w], finest first")
            return {f"map {index}": each for index, each in enumerate(returned)}
        if self.kind is Kind.EXPERT:
            if not _are_maps([returned]):
                fail(f"forward returns {_form(returned)}", "return one map [N, C, H, W]")
            return {"output": returned}
        if not isinstance(returned, (tuple, list)) or len(returned) != 3:
            fail(f"forward returns {_form(returned)}", "return frame.Prediction(logits, side, extras)")
        logits, side, extras = Prediction(*returned)
        if not _are_maps([logits]) or not isinstance(side, (tuple, list)) or not _are_maps(side):
            fail("logits and side outputs are no maps", "return logits [B, K, H, W], and side as a tuple of such")
        if not isinstance(extras, dict) or not all(isinstance(each, Tensor) for each in extras.values()):
            fail("extras is no dict of tensors", "return a dict of named tensors [B, ...], or leave it out")
        sides = {f"side {index}": each for index, each in enumerate(side)}
        return {"logits": logits, **sides, **{f"extras[{name!r}]": each for name, each in extras.items()}}

    def run(self, module: nn.Module, inputs: Inputs) -> Outputs:
        """Named outputs; skips if the module can't do what a check of its own asks for."""
        try:
            return self.outputs(self.call(module, inputs))
        except CheckSkippedError:
            raise
        except Exception as error:
            raise CheckSkippedError(f"it can't be run, see check_forward ({told(error)})") from error


def objective(outputs: Mapping[str, Tensor]) -> Tensor:
    """A scalar that every output has a part in, and every value of it another."""
    total = torch.zeros(())
    for each in outputs.values():
        if each.is_floating_point() and each.requires_grad:
            generator = torch.Generator().manual_seed(each.numel())
            weights = torch.rand(each.shape[1:], generator=generator) + 0.5
            total = total + (weights * each.float()).square().mean() + (weights * each.float()).mean()
    return total


def differ(one: Tensor, other: Tensor, *, tolerance: float = 1e-4) -> bool:
    """Whether two tensors are more apart than arithmetic in another order explains; infinities are equal to their like.

    Without tolerance it is asked whether anything has changed, and nan is equal to nan.
    """
    if one.shape != other.shape:
        return True
    if not one.numel():
        return False
    before, after = one.detach().float(), other.detach().float()
    scale = max(1.0, float(before[before.isfinite()].abs().max()) if before.isfinite().any() else 1.0)
    return not torch.allclose(before, after, atol=tolerance * scale, rtol=0, equal_nan=tolerance == 0)


def _are_maps(values: Sequence[Any]) -> bool:
    return all(isinstance(each, Tensor) and each.ndim == 4 for each in values)


def _form(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {', '.join(map(_form, value)) or 'nothing'}"
    return f"a {type(value).__name__}"
