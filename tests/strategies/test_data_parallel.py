"""DataParallel trains like one device and validates on the unwrapped model."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from frame import Prediction, Strategy, UserError
from frame.engine.model import Segmenter
from frame_strategies.data_parallel import DataParallel


class Bone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, 2, 1)
        self.norm = nn.GroupNorm(2, 6)
        self.seen: list[str] = []

    def forward(self, image):
        self.seen.append(threading.current_thread().name)
        return [self.norm(self.conv(image))]


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out, self.gate = nn.Conv2d(6, 1, 1), nn.Linear(6, 3)
        self.seen_dtypes: list[torch.dtype] = []

    def forward(self, features, size):
        (x,) = features
        low = self.out(x)
        self.seen_dtypes.append(low.dtype)
        router = self.gate(x.mean((2, 3))).softmax(1)
        return Prediction(nn.functional.interpolate(low, size=size), (low,), {"router.0": router})


def model(autocast: torch.dtype | None = None) -> Segmenter:
    torch.manual_seed(0)
    return Segmenter(Bone(), Head(), autocast)


def loss_of(prediction: Prediction) -> torch.Tensor:
    return (
        prediction.logits.sigmoid().pow(2).mean()
        + prediction.side[0].abs().mean()
        + prediction.extras["router.0"].pow(2).mean()
    )


@pytest.mark.parametrize("replicas", [2, 3, 4])
@pytest.mark.parametrize("batch", [1, 2, 3, 5, 7, 9])
def test_predictions_and_gradients_equal_one_device_for_any_batch(data_parallel, replicas: int, batch: int) -> None:
    image = torch.randn(batch, 3, 8, 8, generator=torch.Generator().manual_seed(batch))
    alone, strategy = model(), data_parallel(devices=replicas)
    wrapped = strategy.setup_module(model())
    assert isinstance(wrapped, nn.DataParallel)
    one, many = alone(image), wrapped(image)
    assert isinstance(many, Prediction)
    for expected, found in (
        (one.logits, many.logits),
        (one.side[0], many.side[0]),
        *zip(one.extras.values(), many.extras.values(), strict=True),
    ):
        assert found.shape == expected.shape
        torch.testing.assert_close(found, expected)
    loss_of(one).backward()
    strategy.backward(loss_of(many))
    for (name, expected), found in zip(alone.named_parameters(), strategy.unwrap(wrapped).parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, msg=name)


def test_replicas_run_in_the_precision_of_the_run(data_parallel) -> None:
    wrapped = data_parallel(devices=2).setup_module(model(torch.bfloat16))
    prediction = wrapped(torch.randn(4, 3, 8, 8))
    assert set(wrapped.module.head.seen_dtypes) == {torch.bfloat16}
    assert prediction.logits.dtype == torch.float32


def test_validation_sees_the_unwrapped_model_in_eval_mode_and_training_comes_back(data_parallel) -> None:
    strategy = data_parallel(devices=2)
    wrapped = strategy.setup_module(model())
    wrapped.module.backbone.norm.eval()  # a frozen part stays as it was
    with strategy.eval_module(wrapped) as unwrapped:
        assert unwrapped is wrapped.module
        assert not any(part.training for part in unwrapped.modules())
        unwrapped(torch.randn(3, 3, 8, 8))
    assert set(unwrapped.backbone.seen) == {threading.current_thread().name}
    assert wrapped.module.head.training
    assert not wrapped.module.backbone.norm.training
    with pytest.raises(ZeroDivisionError), strategy.eval_module(wrapped):
        1 / 0  # noqa: B018
    assert wrapped.module.head.training
    assert not wrapped.module.backbone.norm.training


def test_no_wrapper_reaches_a_name_and_wrapping_twice_is_refused(data_parallel) -> None:
    strategy = data_parallel(devices=2)
    wrapped = strategy.setup_module(model())
    assert strategy.model_state_dict(wrapped).keys() == model().state_dict().keys()
    with pytest.raises(TypeError, match="wrapped already"):
        strategy.setup_module(wrapped)


def test_with_one_device_there_is_no_wrapper(data_parallel) -> None:
    plain = model()
    assert data_parallel(devices=1).setup_module(plain) is plain


@pytest.mark.parametrize("devices", [5, (0, 7), (1, 1), 0])
def test_devices_that_are_not_there_are_told(data_parallel, devices) -> None:
    with pytest.raises(UserError, match=r"strategy\.devices: .* this machine has 4"):
        data_parallel(devices=devices)


def test_without_a_gpu_it_is_one_device() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    strategy = DataParallel()
    plain = model()
    assert strategy.setup_module(plain) is plain
    assert strategy.describe(8).endswith("8 images a batch")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_predictions_equal_one_device() -> None:
    strategy = DataParallel()
    image = torch.randn(5, 3, 8, 8, device=strategy.root_device)
    wrapped = nn.DataParallel(strategy.setup_module(model()), [0, 0])
    torch.testing.assert_close(wrapped(image).logits, wrapped.module(image).logits)


def test_optimizer_state_goes_and_comes_by_parameter_name() -> None:
    strategy, first, second = Strategy(), model(), model()
    optimizers = [torch.optim.AdamW(each.parameters(), lr=0.1) for each in (first, second)]
    loss_of(first(torch.randn(2, 3, 8, 8))).backward()
    optimizers[0].step()
    state = strategy.optimizer_state_dict(first, optimizers[0])
    assert "backbone.conv.weight" in state
    strategy.load_model_state_dict(second, strategy.model_state_dict(first))
    strategy.load_optimizer_state_dict(second, optimizers[1], state)
    moment = optimizers[1].state[second.backbone.conv.weight]["exp_avg"]
    assert torch.equal(moment, optimizers[0].state[first.backbone.conv.weight]["exp_avg"])


def test_a_model_that_is_copied_is_not_compiled(data_parallel) -> None:
    assert not data_parallel(devices=2).compiles
    assert data_parallel(devices=1).compiles
