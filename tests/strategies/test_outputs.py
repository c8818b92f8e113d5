"""What comes out of replicas: what one device would have returned, or a message."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from tests.strategies.models import Probe
from torch.nn.parallel import scatter_gather


class Outputs(NamedTuple):
    first: torch.Tensor
    rest: dict[str, object]


@dataclass
class Record:
    logits: torch.Tensor


@pytest.mark.parametrize("replicas", [2, 3, 4])
@pytest.mark.parametrize("batch", [5, 7])
def test_a_scalar_loss_of_a_third_party_head_is_the_mean_over_samples_and_not_over_replicas(
    wrapped, device, replicas: int, batch: int
) -> None:
    def result(self, x):
        return self.linear(x), {"loss": self.linear(x).pow(2).mean()}

    torch.manual_seed(0)
    alone = Probe(result).to(device)
    many = wrapped(Probe(result), replicas)
    many.module.load_state_dict(alone.state_dict())
    x = torch.randn(batch, 4, device=device) * torch.arange(batch, device=device)[:, None]  # so that shards differ
    (_, expected), (_, found) = alone(x), many(x)
    assert found["loss"].shape == ()
    torch.testing.assert_close(found["loss"], expected["loss"])
    expected["loss"].backward()
    found["loss"].backward()
    torch.testing.assert_close(many.module.linear.weight.grad, alone.linear.weight.grad)


def test_output_with_shape_does_not_match_the_broadcast_shape_2(wrapped, device) -> None:
    """The predecessor's error: its heads returned a loss, torch gathered a vector of them, it was added to a scalar."""
    many, x = wrapped(Probe(lambda self, x: self.linear(x).mean())), torch.randn(4, 4, device=device)
    total = torch.zeros((), device=device)
    with pytest.warns(UserWarning, match="scalars"):
        gathered = scatter_gather.gather([many.module(x[:2]), many.module(x[2:])], torch.device(device))
    with pytest.raises(RuntimeError, match=r"output with shape \[\] doesn't match the broadcast shape \[2\]"):
        total += gathered.detach()
    many.module.seen.clear()
    total += many(x).detach()
    torch.testing.assert_close(total, gathered.detach().mean())


def test_no_warning_about_gathered_scalars(wrapped, device) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        wrapped(Probe(lambda self, x: self.linear(x).mean()))(torch.randn(4, 4, device=device))
    assert not caught


def test_nested_outputs_come_back_in_the_types_they_left_in(wrapped, device) -> None:
    def result(self, x):
        y = self.linear(x)
        return Outputs(y, OrderedDict(pair=(y, [y + 1]), number=3, text="area", nothing=None, yes=True, half=0.5))

    many, x = wrapped(Probe(result)), torch.randn(5, 4, device=device)
    expected = result(many.module, x)
    found = many(x)
    assert type(found) is Outputs
    assert type(found.rest) is OrderedDict
    torch.testing.assert_close(found.first, expected.first)
    torch.testing.assert_close(found.rest["pair"], expected.rest["pair"])
    assert {key: found.rest[key] for key in ("number", "text", "nothing", "yes", "half")} == {
        "number": 3,
        "text": "area",
        "nothing": None,
        "yes": True,
        "half": 0.5,
    }


@pytest.mark.parametrize(
    ("result", "what"),
    [
        (lambda _self, x: len(x), "3 from 2 replicas"),
        (lambda _self, x: len(x) / 2, "1.5 from 2 replicas"),
        (lambda _self, x: len(x) > 2, "True from 2 replicas"),
        (lambda _self, x: f"{len(x)} samples", "'3 samples' from 2 replicas"),
        (lambda self, x: Record(self.linear(x)), "a Record from 2 replicas"),
        (lambda self, x: self.linear(x).sum().long(), r"a tensor \[\], torch.int64, from 2 replicas"),
        (lambda self, x: x.new_zeros(7), r"a tensor \[7\], torch.float32, from a replica of 3 samples"),
        (lambda self, x: self.linear(x).mT, r"a tensor \[4, 3\], torch.float32, from a replica of 3 samples"),
        (lambda self, x: x if len(x) > 2 else None, "from 2 replicas"),
    ],
    ids=["int", "float", "bool", "str", "dataclass", "counter", "vector", "transposed", "sometimes"],
)
def test_what_cannot_be_gathered_is_named_with_what_can(wrapped, device, result, what: str) -> None:
    with pytest.raises(TypeError, match=rf"output.*\['deep'\].*{what}.*can't be gathered.*frame.Prediction"):
        wrapped(Probe(lambda self, x: (x, {"deep": result(self, x)})))(torch.randn(5, 4, device=device))


def test_replicas_that_disagree_on_what_they_return_are_told(wrapped, device) -> None:
    with pytest.raises(TypeError, match="different structures"):
        wrapped(Probe(lambda _self, x: (x,) * len(x)))(torch.randn(5, 4, device=device))
