"""Exceptions and random numbers in replicas."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

from frame import UserError
from frame_strategies.replicas import Replicas


class Failing(nn.Linear):
    """Raises in the replicas that get a sample that is larger than 1."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(4, 4)
        self.error = error
        self.held: list[weakref.ref[torch.Tensor]] = []  # replicas share it

    def forward(self, x):
        result = super().forward(x)
        if x.max() > 1:
            self.held.append(weakref.ref(result))
            raise self.error
        return result


def batch(device: str, *, bad: int) -> torch.Tensor:
    """Three samples, one a replica; from ``bad`` on they fail."""
    return torch.tensor([2.0 * (place >= bad) for place in range(3)], device=device)[:, None].repeat(1, 4)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no such map"),
        KeyError("router.0"),
        UserError("data.size: too small"),
        torch.OutOfMemoryError("CUDA out of memory"),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "made of five parts"),
        SystemExit(3),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_exception_in_a_replica_surfaces_once_with_its_index_and_device(wrapped, device, error, bad: int) -> None:
    many = wrapped(Failing(error), 3)
    error.__notes__ = []
    with pytest.raises(type(error)) as caught:
        many(batch(device, bad=bad))
    assert caught.value is error
    assert error.__notes__ == [f"in replica {bad} of 3, on {many.devices[bad]}"]
    assert error.__context__ is None


def test_what_did_not_fit_into_memory_is_free_once_the_error_is_gone(wrapped, device) -> None:
    class Full(Failing):
        def forward(self, x):
            self.error = torch.OutOfMemoryError("CUDA out of memory")
            try:
                return super().forward(x)
            finally:
                del self.error

    model = Full(RuntimeError())
    many = wrapped(model, 3)
    gc.collect()
    gc.disable()
    try:
        for bad in range(3):
            try:
                many(batch(device, bad=bad))
            except torch.OutOfMemoryError:
                assert any(each() is not None for each in model.held)
            assert not any(each() is not None for each in model.held)
        assert model.held
    finally:
        gc.enable()


def test_after_an_exception_the_next_step_is_as_any(wrapped, device) -> None:
    many = wrapped(Failing(ValueError("no such map")), 3)
    with pytest.raises(ValueError, match="no such map"):
        many(batch(device, bad=1))
    many(batch(device, bad=3)).sum().backward()
    torch.testing.assert_close(many.module.bias.grad, torch.full((4,), 3.0, device=device))


@pytest.fixture
def dropout(kind, wrapped):
    """Three replicas of a dropout layer.

    The CPU has one generator, which threads would share; there replicas take turns, as they do on one GPU.
    """
    many = wrapped(nn.Dropout(0.5), 3)
    return many if kind != "cpu" else Replicas(many.module, [torch.device("cpu")] * 3)


def test_dropout_in_replicas_is_seeded(dropout, device) -> None:
    ones = torch.ones(9, 64, device=device)
    torch.manual_seed(5)
    first, second = dropout(ones), dropout(ones)
    torch.manual_seed(5)
    assert torch.equal(dropout(ones), first)
    shards = [*first.chunk(3), *second.chunk(3)]
    assert not any(torch.equal(one, other) for i, one in enumerate(shards) for other in shards[:i])


def test_what_replicas_draw_depends_on_the_first_devices_generator_alone(dropout, kind, device) -> None:
    ones = torch.ones(9, 64, device=device)
    generator = torch.default_generator if kind == "cpu" else torch.cuda.default_generators[0]
    before = generator.get_state()
    first = dropout(ones)
    if kind == "gpus":
        for other in torch.cuda.default_generators[1:]:
            other.manual_seed(99)
    generator.set_state(before)
    assert torch.equal(dropout(ones), first)


def test_replicas_leave_the_generator_of_their_device_as_it_was(dropout, device) -> None:
    """So that the first device's state, in a checkpoint, is all there is to keep."""
    ones = torch.ones(9, 64, device=device)
    torch.manual_seed(5)
    dropout(ones)
    after = torch.rand(4, device=device)
    torch.manual_seed(5)
    torch.rand((), device=device)
    dropout.module(ones[:3])
    assert torch.equal(torch.rand(4, device=device), after)


def test_replicas_draw_anew_each_time_though_the_first_drew_nothing(kind, wrapped, device) -> None:
    class Sometimes(nn.Module):
        """As an expert with dropout that the first replica's images did not choose."""

        def forward(self, x):
            return x if x[0, 0] == 0 else nn.functional.dropout(x)

    many = wrapped(Sometimes(), 2)
    many = many if kind != "cpu" else Replicas(many.module, [torch.device("cpu")] * 2)
    x = torch.tensor([[0.0], [1.0]], device=device).repeat(1, 64)
    assert not torch.equal(many(x), many(x))
