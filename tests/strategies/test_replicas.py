"""What replicas share with the model, and what comes back to it."""

from __future__ import annotations

import threading

import pytest
import torch
from tests.strategies.models import Probe, images, segmenter
from torch import nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from frame_strategies.copies import copies, parts_of


class Experts(nn.Module):
    """Samples of ones go to the first expert, others to the second, none to the idle one."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.idle = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x):
        return self.first(x) if x[0, 0] == 1 else self.second(x)


class Router(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.randn(7))
        self.register_buffer("load", torch.zeros(7))

    def forward(self, x):
        return x * self.gate.softmax(0).sum()


class Rows(nn.Module):
    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        self.recurrent = recurrent

    def forward(self, x):
        return self.recurrent(x)[0]


def test_in_place_changes_of_buffers_on_the_first_replica_survive(wrapped, device) -> None:
    many, alone = wrapped(nn.BatchNorm2d(3), 3), nn.BatchNorm2d(3).to(device)
    x = images(6, device)
    many(x)
    alone(x[:2])
    torch.testing.assert_close(many.module.state_dict(), alone.state_dict())
    many(x)
    assert many.module.num_batches_tracked == 2


def test_replicas_see_the_buffers_as_they_are(wrapped, device) -> None:
    model = nn.Sequential(nn.BatchNorm1d(4).eval(), Probe(look=lambda _self, x: x.mean().item()))
    many = wrapped(model)
    model[0].running_mean.fill_(3)
    many(torch.zeros(4, 4, device=device))
    assert model[1].found() == pytest.approx([-3, -3], abs=1e-4)


def test_parameters_that_no_replica_used_get_no_gradient_and_are_not_decayed(wrapped, device) -> None:
    model = Experts()
    many = wrapped(model, 3)
    before = model.idle.weight.clone()
    many(torch.ones(3, 4, device=device)).sum().backward()
    assert model.second.weight.grad is None
    assert model.idle.weight.grad is None
    assert model.first.weight.grad is not None
    torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5).step()
    assert torch.equal(model.idle.weight, before)


def test_an_expert_that_only_some_replicas_used_gets_their_gradients(wrapped, device) -> None:
    model, alone = Experts(), Experts().to(device)
    many = wrapped(model, 4)
    alone.load_state_dict(model.state_dict())
    x = torch.tensor([[1.0] * 4, [2.0] * 4, [1.0] * 4, [3.0] * 4], device=device)
    many(x).pow(2).sum().backward()
    torch.cat([alone(each[None]) for each in x]).pow(2).sum().backward()
    for part in ("first", "second"):
        torch.testing.assert_close(getattr(model, part).weight.grad, getattr(alone, part).weight.grad)
    assert model.idle.weight.grad is None


@pytest.mark.parametrize("replicas", [2, 3])
def test_bf16_autocast_stays_bf16_in_the_replicas(wrapped, device, replicas: int) -> None:
    def look(self, x):
        kind = x.device.type
        return torch.get_autocast_dtype(kind), torch.is_autocast_cache_enabled(), self.linear(x).dtype

    for cached in (True, False):
        model = Probe(look=look)
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16, cache_enabled=cached):
            wrapped(model, replicas)(torch.randn(6, 4, device=device))
        assert model.found() == [(torch.bfloat16, cached, torch.bfloat16)] * replicas


def test_a_models_own_autocast_holds_in_every_replica(wrapped, device) -> None:
    model, seen = segmenter(torch.bfloat16), []
    model.head.out.register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    prediction = wrapped(model, 3)(images(6, device))
    assert seen == [torch.bfloat16] * 3
    assert prediction.logits.dtype == torch.float32


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_grad_and_inference_mode_are_passed_on(wrapped, device, mode) -> None:
    model = Probe(look=lambda _self, _x: (torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
    with mode():
        result = wrapped(model, 3)(torch.randn(6, 4, device=device))
        expected = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    assert model.found() == [expected] * 3
    assert result.requires_grad == expected[0]
    assert result.is_inference() == expected[1]


def test_misaligned_address(wrapped, device) -> None:
    """The predecessor's error: torch packs a model's tensors, so one after a router's 7 values starts anywhere."""

    def misaligned(module, _x=None):
        return sum(each.data_ptr() % 16 for each in module.parameters())

    probe = Probe(look=misaligned, width=7)
    model = nn.Sequential(Router(), nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Linear(8, 7), probe)
    tensors = list(model.parameters())
    packed = _unflatten_dense_tensors(_flatten_dense_tensors(tensors), tensors)
    assert any(each.data_ptr() % 16 for each in packed)
    wrapped(model, 4)(torch.randn(8, 4, 3, 3, device=device))
    assert probe.found() == [0] * 4
    there = copies(parts_of(model), [torch.device(device)] * 3)
    assert not any(each.data_ptr() % 16 for copy in there for each in (*copy.parameters(), *copy.buffers()))


def test_replicas_keep_channels_last(wrapped, device) -> None:
    class Conv(nn.Conv2d):
        def forward(self, x):
            kept.append(self.weight.is_contiguous(memory_format=torch.channels_last))
            return super().forward(x)

    kept: list[bool] = []
    model = Conv(4, 8, 3).to(memory_format=torch.channels_last)
    wrapped(model, 3)(torch.randn(6, 4, 5, 5, device=device)).sum().backward()
    assert kept == [True] * 3


def test_requires_grad_changed_after_wrapping_holds_from_the_next_step(wrapped, device) -> None:
    model = Probe(look=lambda self, _x: [each.requires_grad for each in self.parameters()])
    many, x = wrapped(model, 3), torch.randn(6, 4, device=device)
    for trained in (True, False, True):
        model.linear.weight.requires_grad_(trained)
        model.zero_grad()
        many(x).sum().backward()
        assert model.found() == [[trained, True]] * 3
        assert (model.linear.weight.grad is not None) == trained
        assert model.linear.bias.grad is not None
        model.seen.clear()


def test_what_else_is_changed_after_wrapping_holds_too(wrapped, device) -> None:
    model = Probe(look=lambda self, _x: (self.training, self.linear.training, self.rate))
    many, x, seen = wrapped(model, 3), torch.randn(6, 4, device=device), []
    model.rate = 0.3
    model.linear = nn.Linear(4, 4).to(device).eval()
    model.linear.register_forward_hook(lambda *_: seen.append(threading.get_ident()))
    torch.testing.assert_close(many(x), model.linear(x))
    assert model.found() == [(True, False, 0.3)] * 3
    assert len(seen) == 4


def test_weights_that_were_swapped_are_seen(wrapped, device) -> None:
    """As an average of the weights is put in their place: without a trace in a version counter."""
    model, x = nn.Linear(4, 4), torch.randn(6, 4, device=device)
    many = wrapped(model, 3)
    many(x)
    model.weight.data = torch.eye(4, device=device)
    model.bias.data = torch.zeros(4, device=device)
    torch.testing.assert_close(many(x), x)


def test_a_model_moved_after_wrapping_gets_a_message(wrapped, device) -> None:
    many = wrapped(nn.Linear(4, 4))
    many.module.to("meta")
    with pytest.raises(RuntimeError, match=r"is on meta, but it was wrapped on .*: unwrap a model that was moved"):
        many(torch.randn(4, 4, device=device))


def test_weights_and_parts_that_come_twice_are_one_in_each_replica(wrapped, device) -> None:
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    model[1].weight = model[0].weight
    model.append(model[0])
    copy = copies(parts_of(model.to(device)), [torch.device(device)])[0]
    assert copy[2] is copy[0]
    assert copy[1].weight is copy[0].weight
    many, x = wrapped(model, 3), torch.randn(6, 4, device=device)
    many(x).sum().backward()
    found = model[0].weight.grad
    model.zero_grad()
    model(x).sum().backward()
    torch.testing.assert_close(found, model[0].weight.grad)


@pytest.mark.filterwarnings("ignore:RNN module weights:UserWarning")  # cuDNN would have them in one chunk
def test_recurrent_layers_which_keep_a_list_of_their_weights_learn_in_every_replica(wrapped, device) -> None:
    model, x = nn.GRU(4, 4, batch_first=True).to(device), torch.randn(6, 5, 4, device=device)
    copy = copies(parts_of(model), [torch.device(device)])[0]
    assert all(flat is own for flat, own in zip(copy._flat_weights, copy.parameters(), strict=True))
    rows = Rows(model)
    torch.testing.assert_close(wrapped(rows, 3)(x), rows(x))


def test_a_part_compiled_in_place_runs_its_own_code_in_each_replica(wrapped, device) -> None:
    model, x = nn.Linear(4, 4), torch.randn(6, 4, device=device)
    many = wrapped(model, 3)
    model.compile(backend="eager")
    copy = copies(parts_of(model), [torch.device(device)])[0]
    with torch.no_grad():
        copy.weight.zero_()
        copy.bias.zero_()
    assert not copy(x).any()
    torch.testing.assert_close(many(x), model(x))


def test_the_graph_is_plain_autograd_so_two_passes_and_second_derivatives_work(wrapped, device) -> None:
    model, alone = nn.Sequential(nn.Linear(4, 4), nn.Tanh()), nn.Sequential(nn.Linear(4, 4), nn.Tanh()).to(device)
    many, x = wrapped(model, 3), torch.randn(6, 4, device=device)
    alone.load_state_dict(model.state_dict())
    for each in (many, alone):
        loss = each(x).pow(2).mean() + each(2 * x).pow(2).mean()
        (slope,) = torch.autograd.grad(loss, [next(each.parameters())], create_graph=True)
        (loss + slope.pow(2).sum()).backward()
    torch.testing.assert_close(model[0].weight.grad, alone[0].weight.grad)
