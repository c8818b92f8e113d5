"""What goes into replicas: batches of any size, beside arguments of any kind."""

from __future__ import annotations

import pytest
import torch
from tests.strategies.models import Probe, images, loss_of, segmenter
from torch import nn

from frame import Prediction
from frame_strategies.sharding import shard_sizes

REPLICAS = pytest.mark.parametrize("replicas", [2, 3, 4])


@REPLICAS
@pytest.mark.parametrize("batch", range(1, 10))
def test_predictions_and_gradients_equal_one_device_for_any_batch(wrapped, device, replicas: int, batch: int) -> None:
    alone, many = segmenter().to(device), wrapped(segmenter(), replicas)
    expected, found = alone(images(batch, device)), many(images(batch, device))
    assert isinstance(found, Prediction)
    torch.testing.assert_close(found, expected)
    loss_of(expected).backward()
    loss_of(found).backward()
    for (name, one), other in zip(alone.named_parameters(), many.module.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, msg=name)


@REPLICAS
def test_a_batch_that_does_not_divide_is_split_as_torch_chunks_it(wrapped, device, replicas: int) -> None:
    for batch in range(2, 2 * replicas + 2):
        model = Probe()
        wrapped(model, replicas)(torch.randn(batch, 4, device=device))
        assert model.found() == [len(chunk) for chunk in torch.empty(batch).chunk(replicas)]


@REPLICAS
def test_fewer_samples_than_devices_beside_an_argument_that_is_no_tensor(wrapped, device, replicas: int) -> None:
    for batch in range(1, replicas):
        model = Probe(look=lambda _self, x, size, *, mode: (len(x), size, mode))
        assert wrapped(model, replicas)(torch.randn(batch, 4, device=device), (8, 8), mode="area").shape == (batch, 4)
        assert model.found() == [(1, (8, 8), "area")] * batch


@REPLICAS
def test_batch_norm_on_a_1x1_map_never_gets_a_shard_of_one(wrapped, device, replicas: int) -> None:
    for batch in range(2, 2 * replicas + 2):
        model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4), nn.Flatten(), Probe())
        assert wrapped(model, replicas)(images(batch, device)).shape == (batch, 4)
        assert min(model[-1].found()) > 1
        assert sum(model[-1].found()) == batch


def test_a_batch_of_one_meets_batch_norm_as_on_one_device(wrapped, device) -> None:
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3))
    for each in (model.to(device), wrapped(model)):
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            each(images(1, device))


def test_a_frozen_batch_norm_is_no_reason_for_larger_shards(wrapped, device) -> None:
    model = nn.Sequential(nn.BatchNorm1d(4).eval(), Probe())
    wrapped(model)(torch.randn(2, 4, device=device))
    assert model[1].found() == [1, 1]


def test_without_singles_a_batch_is_still_split_over_as_many_devices_as_that_allows() -> None:
    sizes = {
        (batch, devices): shard_sizes(batch, devices, singles=False) for batch in range(40) for devices in (2, 3, 4)
    }
    assert sizes[4, 2] == [2, 2]
    assert sizes[5, 3] == [3, 2]
    assert sizes[7, 4] == [4, 3]
    assert sizes[3, 2] == [3]
    assert sizes[1, 4] == [1]
    for (batch, _), found in sizes.items():
        assert sum(found) == batch
        assert 1 not in found or batch == 1


def test_a_list_of_the_batchs_length_is_refused_and_not_given_whole_to_each_replica(wrapped, device) -> None:
    many = wrapped(Probe(look=lambda _self, _x, names: names))
    with pytest.raises(TypeError, match=r"argument \[1\] of the model is a list of the batch's length, 4"):
        many(torch.randn(4, 4, device=device), ["a", "b", "c", "d"])
    many(torch.randn(4, 4, device=device), ("a", "b", "c", "d"))
    assert many.module.found() == [("a", "b", "c", "d")] * 2


def test_lists_of_tensors_are_split_like_tensors(wrapped, device) -> None:
    many = wrapped(Probe(look=lambda _self, x, maps: (len(x), [len(each) for each in maps])))
    many(torch.randn(3, 4, device=device), [torch.randn(3, 2, device=device)] * 3)
    assert many.module.found() == [(2, [2, 2, 2]), (1, [1, 1, 1])]


@pytest.mark.parametrize("shape", [(), (7,), (1, 4)])
def test_a_tensor_without_the_batch_is_refused(wrapped, device, shape: tuple[int, ...]) -> None:
    with pytest.raises(TypeError, match=r"scale'.* its first dimension has to be the batch"):
        wrapped(Probe())(torch.randn(4, 4, device=device), scale=torch.ones(shape, device=device))


def test_a_call_without_a_tensor_runs_on_the_first_device(wrapped) -> None:
    class Constant(nn.Linear):
        def forward(self):
            return self.weight

    model = Constant(2, 2)
    assert wrapped(model)() is model.weight
