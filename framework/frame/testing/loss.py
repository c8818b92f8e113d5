"""Checks of losses."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from frame.contracts.model import Prediction
from frame.engine.progress import listeners
from frame.testing import predictions as given
from frame.testing.outcome import CheckSkippedError, fail, failing, skip, told
from frame.testing.rig import differ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frame.testing.case import Subject


def check_it_is_a_module(subject: Subject) -> None:
    """What is built is a ``torch.nn.Module``: what it keeps goes into checkpoints."""
    built = subject.build()
    if not isinstance(built, nn.Module):
        fail(f"the target builds a {type(built).__name__}", "build a torch.nn.Module")


def check_scalar(subject: Subject) -> None:
    """It gives a scalar, finite, float32 for float32, for each task that it serves."""
    for classes in subject.task_sizes:
        loss, (prediction, mask) = _built(subject), given.example(classes)
        with failing(f"it fails with {classes} classes", "mend it, or say in serves which tasks it can do"):
            found = loss(prediction, mask)
        if not isinstance(found, Tensor) or found.ndim:
            form = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            fail(f"it gives {form}, not a scalar", "return a tensor without dimensions: a mean over samples")
        if not found.isfinite():
            fail(f"it is {float(found)} for an ordinary prediction", "look for a logarithm or a division of 0")
        if found.dtype != torch.float32:
            fail(f"it is {found.dtype} for float32 logits", "compute in float32")


def check_arguments_are_left_alone(subject: Subject) -> None:
    """Prediction and mask are not changed: other losses get them too."""
    for classes, loss, prediction, mask in _examples(subject):
        before = [each.clone() for each in given.tensors(prediction, mask)]
        _value(loss, prediction, mask)
        if any(not torch.equal(*pair) for pair in zip(before, given.tensors(prediction, mask), strict=True)):
            fail(f"it changes its arguments in place ({classes} classes)", "use the form that makes a new tensor")


def check_degenerate_masks(subject: Subject) -> None:
    """It is finite for empty and full masks and masks of one pixel, for logits of any size, and so is its gradient."""
    for classes in subject.task_sizes:
        for name, mask in given.degenerate_masks(classes).items():
            for scale in (1.0, 1e4):
                for sign in (1, -1):
                    logits = sign * scale * given.certain(classes, mask)
                    prediction = given.predicted(logits, requires_grad=True)
                    found = _value(_built(subject), prediction, mask)
                    remedy = "add an epsilon, or leave out what is empty; use the *_with_logits forms"
                    where = f"for {name}" + (f" and logits of {scale:g}" if scale > 1 else "")
                    if not found.isfinite():
                        fail(f"it is {float(found):g} {where}", remedy)
                    for each in _gradients(found, given.tensors(prediction)):
                        if not each.isfinite().all():
                            fail(f"its gradient is not finite {where}", remedy)


def check_gradient_flows(subject: Subject) -> None:
    """A gradient flows from it to what the model gives: logits, side outputs or extras."""
    for classes, loss, prediction, mask in _examples(subject, requires_grad=True):
        found = _value(loss, prediction, mask)
        if not found.requires_grad or not any(each.any() for each in _gradients(found, given.tensors(prediction))):
            fail(
                f"no gradient flows back from it ({classes} classes)",
                "look for detach(), .item(), .data, round() or a comparison on the way",
            )


def check_gradient_is_right(subject: Subject) -> None:
    """In float64 its gradient is that of finite differences (``torch.autograd.gradcheck``)."""
    for classes in subject.task_sizes:
        prediction, mask = given.example(classes, batch=2, size=(4, 5), dtype=torch.float64)
        names, leaves = given.leaves(prediction)
        loss = _built(subject)
        found = _value(loss, prediction, mask)  # what state it keeps is settled by the first call
        # Through float32, which check_mixed_precision may have led to, a step of 1e-6 would be rounded away.
        eps, atol, rtol = (1e-6, 1e-5, 1e-3) if found.dtype == torch.float64 else (3e-3, 2e-4, 1e-2)

        def of(*values: Tensor, names: Any = names, base: Any = prediction, mask: Any = mask, loss: Any = loss) -> Any:
            return loss(given.rebuilt(base, names, values), mask)

        try:
            torch.autograd.gradcheck(of, leaves, eps=eps, atol=atol, rtol=rtol, check_undefined_grad=False)
        except RuntimeError as error:
            if "does not require grad" in str(error) or "have requires_grad" in str(error):
                skip("no gradient flows back from it, see check_gradient_flows")
            what = str(error).splitlines()[0].rstrip(",:")
            fail(
                f"its gradient is not that of finite differences ({classes} classes: {what})",
                "mend backward(), or what is computed without a gradient on the way",
            )


def check_perfect_is_below_wrong(subject: Subject) -> None:
    """A prediction that says the mask costs clearly less than an unsure one, and less than one of another place."""
    _needs_mask(subject)
    for classes in subject.task_sizes:
        loss, mask = _built(subject), given.square(classes)
        right, shifted = (given.certain(classes, each) for each in (mask, mask.roll((8, 8), (-2, -1))))
        perfect, unsure, wrong = (
            float(_value(loss, given.predicted(each), mask)) for each in (8 * right, 0 * right, 8 * shifted)
        )
        if not perfect < unsure - 0.4 * abs(unsure) or not perfect < wrong:
            fail(
                f"a perfect prediction costs {perfect:.3g}, an unsure one {unsure:.3g}, a wrong one {wrong:.3g} "
                f"({classes} classes)",
                "check its sign, and whether it takes logits for probabilities",
            )


def check_order_of_the_batch(subject: Subject) -> None:
    """It does not depend on the order of the samples."""
    for classes, loss, prediction, mask in _examples(subject, batch=4):
        order = torch.tensor([2, 0, 3, 1])
        moved = given.mapped(prediction, partial(_indexed, order=order))
        if differ(_value(loss, prediction, mask), _value(_built(subject), moved, mask[order])):
            fail(f"it depends on the order of the samples ({classes} classes)", "treat all samples of the batch alike")


def check_size_of_the_batch(subject: Subject) -> None:
    """The same samples twice cost the same: it is a mean over samples, so batches and shards of any size compare."""
    for classes, loss, prediction, mask in _examples(subject, batch=2):
        twice = given.mapped(prediction, lambda each: torch.cat([each, each]))
        once, double = _value(loss, prediction, mask), _value(_built(subject), twice, torch.cat([mask, mask]))
        if differ(once, double):
            fail(
                f"the same samples twice cost {float(double):.4g}, not {float(once):.4g} ({classes} classes)",
                "take a mean over samples, not a sum",
            )


def check_every_region_counts(subject: Subject) -> None:
    """It reacts when the prediction changes in any one region of the image, be it a corner or the middle."""
    _needs_mask(subject)
    for classes in subject.task_sizes:
        loss, mask, side = _built(subject), given.square(classes, 16), 4
        generator = torch.Generator().manual_seed(3)
        logits = torch.randn(1, classes, 16, 16, generator=generator)
        before = _value(loss, given.predicted(logits), mask)
        for y in range(0, 16, side):
            for x in range(0, 16, side):
                other = logits.clone()
                other[..., y : y + side, x : x + side] *= -2
                if torch.isclose(_value(loss, given.predicted(other), mask), before, rtol=1e-6, atol=0):
                    fail(
                        f"it is the same whatever is predicted in rows {y} to {y + side}, columns {x} to {x + side} of "
                        f"16 x 16 ({classes} classes)",
                        "look at the whole image: check slices, strides and crops",
                    )


def check_ignored_pixels(subject: Subject) -> None:
    """With many classes, pixels of 255 have no say, and a mask of nothing else is finite."""
    if 4 not in subject.task_sizes:
        skip("it serves binary work alone, which ignores no pixel")
    _needs_mask(subject)
    loss, (prediction, mask) = _built(subject), given.example(4)
    mask[:, mask.shape[1] // 2 :] = 255
    other = prediction.logits.clone()
    other[:, :, mask.shape[1] // 2 :] *= -3.0
    changed = Prediction(other, prediction.side, prediction.extras)
    if differ(_value(loss, prediction, mask), _value(loss, changed, mask), tolerance=1e-5):
        fail("it depends on what is predicted where the mask is 255", "leave out pixels of 255: ignore_index=255")


def check_mixed_precision(subject: Subject) -> None:
    """For logits in bfloat16, and under autocast, it is finite and about the same; so is its gradient."""
    subject.needs("bf16")
    for classes, loss, prediction, mask in _examples(subject):
        expected = _value(loss, prediction, mask)
        low = given.mapped(prediction, lambda each: each.bfloat16().requires_grad_())
        remedy = "compute with logits.float()"
        with failing(f"it fails for logits in bfloat16 ({classes} classes)", remedy):
            found = _built(subject)(low, mask)
        with failing(f"it fails under autocast ({classes} classes)", remedy), torch.autocast("cpu", torch.bfloat16):
            automatic = _built(subject)(prediction, mask)
        for each in (found, automatic):
            if not each.isfinite() or differ(expected.float(), each.float(), tolerance=0.05):
                fail(f"in bfloat16 it is {float(each):.4g}, not {float(expected):.4g} ({classes} classes)", remedy)
        if any(not each.isfinite().all() for each in _gradients(found, given.tensors(low))):
            fail(f"its gradient is not finite in bfloat16 ({classes} classes)", remedy)


def check_state_is_saved(subject: Subject) -> None:
    """What state it keeps is in its state dict, in tensors and plain types; another one of it goes on from there."""
    for _, loss, prediction, mask in _examples(subject):
        loss.train()
        for step in range(3):
            _value(loss, given.mapped(prediction, partial(torch.roll, shifts=step, dims=0)), mask)
        with failing("its state dict can't be saved", "keep tensors and plain types only"):
            torch.save(loss.state_dict(), file := io.BytesIO())
            file.seek(0)
            state = torch.load(file, weights_only=True)
        other = _built(subject)
        with failing("its state dict does not load into another one of it", "give buffers their shapes when built"):
            other.load_state_dict(state)
        if differ(_value(loss.eval(), prediction, mask), _value(other.eval(), prediction, mask), tolerance=1e-6):
            fail(
                "another one with its state gives another value",
                "register what it keeps as a buffer, or give it by get_extra_state",
            )


def check_progress(subject: Subject) -> None:
    """If it follows the run by ``set_progress``, it is finite from the first step to the last."""
    loss = _built(subject)
    if not (following := listeners(loss)):
        skip("nothing in it follows the run")
    for classes, _, prediction, mask in _examples(subject):
        for progress in (0.0, 0.3, 1.0):
            with failing(f"set_progress({progress}) fails", "take any number from 0 to 1"):
                for set_progress in following:
                    set_progress(progress)
            if not _value(loss, prediction, mask).isfinite():
                fail(f"it is not finite at progress {progress} ({classes} classes)", "look for what is 0 at an end")


CHECKS = (
    check_it_is_a_module,
    check_scalar,
    check_arguments_are_left_alone,
    check_degenerate_masks,
    check_gradient_flows,
    check_gradient_is_right,
    check_perfect_is_below_wrong,
    check_order_of_the_batch,
    check_size_of_the_batch,
    check_every_region_counts,
    check_ignored_pixels,
    check_mixed_precision,
    check_state_is_saved,
    check_progress,
)


def _built(subject: Subject) -> nn.Module:
    built = subject.build()
    if not isinstance(built, nn.Module):
        raise CheckSkippedError("it builds no torch.nn.Module, see check_it_is_a_module")
    return built


def _examples(
    subject: Subject, batch: int = 3, *, requires_grad: bool = False
) -> Iterator[tuple[int, nn.Module, Prediction, Tensor]]:
    """For each task: the number of classes, a loss, a prediction and a mask."""
    for classes in subject.task_sizes:
        yield classes, _built(subject), *given.example(classes, batch=batch, requires_grad=requires_grad)


def _value(loss: nn.Module, prediction: Prediction, mask: Tensor) -> Tensor:
    """The loss; skips if it can't be had, which ``check_scalar`` tells."""
    try:
        found = loss(prediction, mask)
        if found.ndim:
            skip("it gives no scalar, see check_scalar")
    except CheckSkippedError:
        raise
    except Exception as error:
        raise CheckSkippedError(f"it can't be computed, see check_scalar ({told(error)})") from error
    return found  # type: ignore[no-any-return]


def _indexed(each: Tensor, order: Tensor) -> Tensor:
    return each[order]


def _gradients(found: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    leaves = [each for each in leaves if each.requires_grad]
    if not found.requires_grad or not leaves:
        return []
    return [each for each in torch.autograd.grad(found, leaves, allow_unused=True) if each is not None]


def _needs_mask(subject: Subject) -> None:
    """Skip for a loss of the head's extras, such as a router's balance: it does not look at what is predicted."""
    for classes in subject.task_sizes:
        loss, (prediction, mask) = _built(subject).eval(), given.example(classes)
        before = _value(loss, prediction, mask)
        other = Prediction(prediction.logits - 2, tuple(each - 2 for each in prediction.side), prediction.extras)
        if differ(before, _value(loss, other, mask), tolerance=1e-7):
            return
        extras = {name: each[:1].expand_as(each) for name, each in prediction.extras.items()}
        if differ(before, _value(loss, Prediction(prediction.logits, prediction.side, extras), mask), tolerance=1e-7):
            skip("it is a loss of the head's extras, and looks at no mask")
