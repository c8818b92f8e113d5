"""The strategy: devices, the wrapper, names, validation."""

from __future__ import annotations

import threading

import pytest
import torch
from tests.strategies.models import images, loss_of, segmenter
from torch import nn

from frame import Strategy, UserError
from frame_strategies.data_parallel import DataParallel


def test_it_says_what_it_found_and_how_many_images_each_gets(data_parallel, kind) -> None:
    strategy = data_parallel(devices=2)
    names = ", ".join(strategy.name(device) for device in strategy.devices)
    if kind == "cpu":
        assert names == "Tesla T4, Tesla T4"
    assert strategy.describe(20) == f"2 GPUs: {names}; 10 images each"
    assert strategy.describe(2) == f"2 GPUs: {names}; 1 image each"
    assert strategy.describe(5) == f"2 GPUs: {names}; at most 3 images each"
    if kind != "cpu":
        assert data_parallel(devices=1).describe(8) == f"1 GPU: {strategy.name(0)}; 8 images a batch"


@pytest.mark.parametrize("devices", [5, (0, 7), (1, 1), 0])
def test_devices_that_are_not_there_are_told(devices, monkeypatch) -> None:
    monkeypatch.setattr(DataParallel, "available", lambda _self: 4)
    with pytest.raises(UserError, match=r"strategy\.devices: .* this machine has 4"):
        DataParallel(devices=devices)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_is_one_device() -> None:
    strategy, plain = DataParallel(), segmenter()
    assert strategy.setup_module(plain) is plain
    assert strategy.describe(8).startswith("1 CPU: ")


def test_with_one_device_there_is_no_wrapper(data_parallel) -> None:
    strategy, plain = data_parallel(devices=1), segmenter()
    assert strategy.setup_module(plain) is plain
    assert strategy.unwrap(plain) is plain


def test_a_model_that_is_copied_is_not_compiled(data_parallel) -> None:
    assert not data_parallel(devices=2).compiles
    assert data_parallel(devices=1).compiles


@pytest.mark.parametrize("replicas", [1, 2])
def test_wrapping_twice_is_refused(data_parallel, wrapped, replicas: int) -> None:
    strategy, once = data_parallel(devices=replicas), wrapped(segmenter())
    with pytest.raises(TypeError, match="wrapped already: it is a Replicas"):
        strategy.setup_module(once)
    with pytest.raises(TypeError, match="wrapped already: 0 is a Replicas"):
        strategy.setup_module(nn.Sequential(once))


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
@pytest.mark.parametrize(
    "without_copies",
    [torch.compile, lambda part: torch.jit.trace(part, torch.ones(1, 3, 8, 8))],
    ids=["compiled", "traced"],
)
def test_a_part_that_would_run_the_originals_code_is_refused(data_parallel, without_copies) -> None:
    model = segmenter()
    model.backbone.conv = without_copies(model.backbone.conv)
    with pytest.raises(TypeError, match=r"backbone.conv is a \w+, of which there can be no copies"):
        data_parallel(devices=2).setup_module(model)


def test_no_prefix_of_a_wrapper_reaches_a_name_nested_or_not(data_parallel) -> None:
    strategy, model = data_parallel(devices=2), segmenter()
    names = model.state_dict().keys()
    many = strategy.setup_module(model)
    optimizer = torch.optim.SGD(many.parameters(), lr=0.1, momentum=0.9)
    loss_of(many(images(4, str(strategy.root_device)))).backward()
    optimizer.step()
    for module in (many, torch.compile(many), nn.DataParallel(many), nn.DataParallel(torch.compile(many))):
        assert strategy.unwrap(module) is model
        assert strategy.model_state_dict(module).keys() == names
        state = strategy.optimizer_state_dict(module, optimizer)
        assert state.keys() == {name for name, _ in segmenter().named_parameters()}
        strategy.load_model_state_dict(module, segmenter().state_dict())
        strategy.load_optimizer_state_dict(module, optimizer, state)


def test_validation_runs_on_the_unwrapped_model_on_the_root_device(data_parallel) -> None:
    strategy = data_parallel(devices=2)
    many, threads = strategy.setup_module(segmenter()), []
    many.module.backbone.register_forward_hook(lambda *_: threads.append(threading.current_thread()))
    with strategy.eval_module(many) as unwrapped:
        assert unwrapped is many.module
        assert not any(part.training for part in unwrapped.modules())
        result = unwrapped(images(3, str(strategy.root_device)))
    assert threads == [threading.current_thread()]
    assert result.logits.device == many.root


def test_training_flags_come_back_even_when_validation_raises(data_parallel) -> None:
    strategy = data_parallel(devices=2)
    many = strategy.setup_module(segmenter())
    many.module.backbone.norm.eval()  # a frozen part stays as it was
    before = {name: part.training for name, part in many.module.named_modules()}
    with pytest.raises(RuntimeError, match="channels"), strategy.eval_module(many) as unwrapped:
        unwrapped(torch.ones(1, 7, 8, 8, device=strategy.root_device))
    assert {name: part.training for name, part in many.module.named_modules()} == before
    assert before["backbone.norm"] is False
    assert before["head"] is True


def test_optimizer_state_goes_and_comes_by_parameter_name() -> None:
    strategy, first, second = Strategy(), segmenter(), segmenter()
    optimizers = [torch.optim.AdamW(each.parameters(), lr=0.1) for each in (first, second)]
    loss_of(first(images(2, "cpu"))).backward()
    optimizers[0].step()
    state = strategy.optimizer_state_dict(first, optimizers[0])
    assert "backbone.conv.weight" in state
    strategy.load_model_state_dict(second, strategy.model_state_dict(first))
    strategy.load_optimizer_state_dict(second, optimizers[1], state)
    moment = optimizers[1].state[second.backbone.conv.weight]["exp_avg"]
    assert torch.equal(moment, optimizers[0].state[first.backbone.conv.weight]["exp_avg"])
