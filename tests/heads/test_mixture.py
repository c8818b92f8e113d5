"""Running only the chosen experts gives what running all of them gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from frame_heads.experts.contrast import Contrast
from frame_heads.mixture import Mixture, dispatch
from frame_heads.router import Router, Routing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


LAYOUTS = [torch.contiguous_format, torch.channels_last]


def mixture(
    experts: Sequence[Callable[..., nn.Module]], top_k: int = 3, shared: Callable[..., nn.Module] | None = None
) -> Mixture:
    router = Router(channels=16, experts=len(experts), top_k=top_k)
    made = [expert(channels=16) for expert in experts]
    return Mixture(made, router, shared(channels=16) if shared else None).train()


def gradients(module: nn.Module, x: Tensor) -> list[Tensor | None]:
    """Of ``x`` and of every parameter; they are taken away."""
    found = [p.grad for p in (x, *module.parameters())]
    x.grad = None
    module.zero_grad()
    return found


@pytest.mark.parametrize("top_k", [1, 3, 7])
@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shared", [None, Contrast])
def test_sparse_equals_dense_with_all_gradients(
    seven: Sequence[Callable[..., nn.Module]], layout: torch.memory_format, shared: Any, batch: int, top_k: int
) -> None:
    layer = mixture(seven, top_k, shared)
    x = (torch.randn(batch, 16, 12, 9) * 3 + torch.randn(batch, 16, 1, 1)).contiguous(memory_format=layout)
    x.requires_grad_()
    goal = torch.randn(batch, 16, 12, 9)
    routing = layer.router(x)
    sparse = layer.sparse(x, routing.weights, dispatch([routing])[0])
    (sparse * goal).mean().backward()
    sparse_gradients = gradients(layer, x)
    dense = layer.dense(x, layer.router(x).weights)
    (dense * goal).mean().backward()
    with torch.no_grad():
        without_graph = layer.sparse(x, routing.weights, dispatch([routing])[0])
    for each in (sparse, without_graph):
        torch.testing.assert_close(each, dense, atol=1e-6, rtol=1e-5)
    for got, expected in zip(sparse_gradients, gradients(layer, x), strict=True):  # zeros, not None, of idle experts
        torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-4)


def test_the_shared_expert_works_on_every_image_in_full() -> None:
    layer = mixture([Contrast, Contrast], 1, Contrast)
    x, nothing = torch.randn(3, 16, 6, 4), torch.zeros(3, 2)
    routing = Routing(nothing, nothing, nothing, torch.eye(2)[[0, 0, 1]])
    torch.testing.assert_close(layer.sparse(x, nothing, dispatch([routing])[0]), x + layer.shared(x))


def test_frozen_idle_experts_have_no_gradient(seven: Sequence[Callable[..., nn.Module]]) -> None:
    layer = mixture(seven, 1)
    layer.experts.requires_grad_(False)
    routing = layer.router(torch.randn(1, 16, 4, 4))
    layer.sparse(torch.randn(1, 16, 4, 4), routing.weights, dispatch([routing])[0]).sum().backward()
    assert all(parameter.grad is None for parameter in layer.experts.parameters())


@pytest.mark.parametrize("grad", [True, False])
def test_idle_experts_do_not_run_and_the_others_see_only_their_images(
    seven: Sequence[Callable[..., nn.Module]], grad: bool
) -> None:
    layer = mixture(seven)
    seen: dict[int, Tensor] = {}
    for index, expert in enumerate(layer.experts):
        expert.register_forward_pre_hook(lambda _, args, index=index: seen.setdefault(index, args[0]))
    weights = torch.zeros(3, 7)
    weights[0, 2] = weights[1, 5] = weights[2, 5] = weights[:, 0] = 1.0
    routing = Routing(weights, weights, weights, (weights > 0).float())
    x = torch.randn(3, 16, 4, 4)
    with torch.set_grad_enabled(grad):
        layer.sparse(x, weights, dispatch([routing])[0])
    assert seen.keys() == {0, 2, 5}
    assert seen[0] is x if grad else seen[0].data_ptr() == x.data_ptr()  # all images: nothing is gathered
    assert torch.equal(seen[2], x[:1])
    assert torch.equal(seen[5], x[1:])
    assert (seen[5].data_ptr() == x[1:].data_ptr()) is not grad  # neighbours are a part of the map, in inference


def test_dispatch_groups_the_images_of_each_expert_in_order() -> None:
    load = torch.tensor([[1.0, 0, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]])
    (plan,) = dispatch([Routing(load, load, load, load)])
    assert plan.counts == [3, 0, 3]
    assert [images.tolist() for images in plan.images(4)] == [[0, 2, 3], [], [0, 1, 2]]
    assert plan.pairs[:6].tolist() == [0, 2, 3, 8, 9, 10]  # expert * 4 + image


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_maps_layout_is_kept_for_experts_result_and_gradient(
    seven: Sequence[Callable[..., nn.Module]], layout: torch.memory_format
) -> None:
    layer, x = mixture(seven), torch.randn(5, 16, 6, 4).contiguous(memory_format=layout).requires_grad_()
    seen: list[Tensor] = []
    for expert in layer.experts:
        expert.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    routing = layer.router(x + torch.randn(5, 16, 1, 1))
    out = layer.sparse(x, routing.weights, dispatch([routing])[0])
    out.sum().backward()
    with torch.no_grad():
        without_graph = layer.sparse(x, routing.weights, dispatch([routing])[0])
    assert all(each.is_contiguous(memory_format=layout) for each in (*seen, out, without_graph, x.grad))
    assert any(len(each) < 5 for each in seen)


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("top_k", [1, 3])
def test_sparse_equals_dense_under_autocast(seven: Sequence[Callable[..., nn.Module]], top_k: int, grad: bool) -> None:
    layer, x = mixture(seven, top_k), torch.randn(5, 16, 12, 9).bfloat16()
    routing = layer.router(x + torch.randn(5, 16, 1, 1))
    with torch.autocast("cpu", torch.bfloat16), torch.set_grad_enabled(grad):
        sparse = layer.sparse(x, routing.weights, dispatch([routing])[0])
        dense = layer.dense(x, routing.weights)
    assert sparse.dtype == torch.bfloat16
    torch.testing.assert_close(sparse, dense, atol=0.05, rtol=0.02)


@pytest.mark.parametrize("grad", [True, False])
def test_the_input_is_left_as_it_was(seven: Sequence[Callable[..., nn.Module]], grad: bool) -> None:
    layer, x = mixture(seven), torch.randn(3, 16, 4, 4)
    before = x.clone()
    routing = layer.router(x)
    with torch.set_grad_enabled(grad):
        layer.sparse(x, routing.weights, dispatch([routing])[0])
    assert torch.equal(x, before)


def test_experts_are_registered_before_the_router(seven: Sequence[Callable[..., nn.Module]]) -> None:
    owners = [name.partition(".")[0] for name, _ in mixture(seven).named_parameters()]
    assert owners.index("router") == len(owners) - 2
