"""What every built-in expert keeps to, and what each is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from frame_heads.experts import context
from frame_heads.experts.attention import Attention
from frame_heads.experts.context import Context
from frame_heads.experts.contrast import Contrast
from frame_heads.experts.edge import Edge
from frame_heads.experts.frequency import Frequency
from frame_heads.experts.hybrid import Hybrid
from frame_heads.experts.texture import Texture

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("shape", [(3, 16, 20, 28), (1, 16, 1, 1), (2, 16, 1, 9), (1, 67, 7, 5), (2, 3, 2, 2)], ids=str)
def test_an_expert_keeps_the_shape_of_any_map(expert: Callable[..., nn.Module], shape: tuple[int, ...]) -> None:
    out = expert(channels=shape[1]).train()(torch.randn(shape))
    assert out.shape == shape
    assert out.isfinite().all()


def test_the_graph_of_an_expert_holds_for_maps_of_any_size(expert: Callable[..., nn.Module]) -> None:
    module, any_size = expert(channels=16).eval(), torch.export.Dim.DYNAMIC
    graph = torch.export.export(module, (torch.rand(2, 16, 9, 11),), dynamic_shapes=({2: any_size, 3: any_size},))
    for size in ((9, 11), (16, 16), (5, 6), (23, 8)):
        x = torch.rand(2, 16, *size)
        torch.testing.assert_close(graph.module()(x), module(x))


def test_an_image_does_not_depend_on_its_companions_in_training(expert: Callable[..., nn.Module]) -> None:
    module = expert(channels=16).train()
    x = torch.randn(4, 16, 12, 10)
    together = module(x)
    alone = torch.cat([module(image) for image in x.split(1)])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)


def test_an_expert_keeps_no_statistics(expert: Callable[..., nn.Module]) -> None:
    module = expert(channels=16).train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    module(torch.randn(2, 16, 8, 8))
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in module.modules())
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


def test_every_parameter_of_an_expert_learns(expert: Callable[..., nn.Module]) -> None:
    module = expert(channels=16)
    module(torch.randn(2, 16, 12, 12)).square().mean().backward()
    idle = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.any()]
    assert not idle


def test_an_expert_is_finite_on_a_flat_map_and_its_gradient_too(expert: Callable[..., nn.Module]) -> None:
    x = torch.zeros(1, 16, 8, 8, requires_grad=True)
    out = expert(channels=16)(x)
    out.sum().backward()
    assert x.grad is not None
    assert out.isfinite().all()
    assert x.grad.isfinite().all()


def test_an_expert_is_light(expert: Callable[..., nn.Module]) -> None:
    """No more parameters than a 3x3 convolution between the 64 channels."""
    assert sum(p.numel() for p in expert(channels=64).parameters()) < 9 * 64 * 64


def reach(expert: nn.Module, size: int = 33) -> int:
    """How far from the middle a pixel still changes the middle's output along a row, normalisation apart."""
    for name, module in list(expert.named_modules()):
        if isinstance(module, nn.GroupNorm):  # reaches over the whole map
            expert.set_submodule(name, nn.Identity())
    x = torch.randn(1, 32, size, size, requires_grad=True)
    expert(x)[0, :, size // 2, size // 2].sum().backward()
    assert x.grad is not None
    touched = x.grad[0].abs().sum(0)[size // 2].nonzero().flatten()
    return int((touched - size // 2).abs().max())


def test_texture_reaches_as_far_as_its_largest_dilation() -> None:
    assert 6 <= reach(Texture(channels=32, dilations=(1, 6))) <= 9  # and the cells that are averaged


def test_edge_reaches_one_pixel() -> None:
    assert reach(Edge(channels=32)) == 1


def test_contrast_reaches_over_the_neighbouring_cells() -> None:
    assert 4 <= reach(Contrast(channels=32, surround=4)) <= 10


def test_edge_sees_nothing_in_a_flat_map_not_even_at_its_border() -> None:
    module = Edge(channels=8)
    out = module(torch.full((1, 8, 9, 9), 3.0))
    torch.testing.assert_close(out, out[:, :, :1, :1].expand_as(out))


def test_edge_answers_alike_to_an_edge_of_either_direction() -> None:
    step = torch.zeros(1, 8, 8, 8)
    step[..., 4:] = 1.0
    module = Edge(channels=8)
    torch.testing.assert_close(module(step).mT, module(step.mT))


def test_the_fixed_filters_are_not_in_a_checkpoint() -> None:
    module = Edge(channels=8)
    assert dict(module.named_buffers()).keys() == {"filters"}
    assert "filters" not in module.state_dict()


def test_attention_does_not_mind_where_things_are() -> None:
    module = Attention(channels=16)
    x = torch.randn(1, 16, 5, 6)
    shuffle = torch.randperm(30)
    shuffled = x.flatten(2)[..., shuffle].view_as(x)
    torch.testing.assert_close(module(shuffled).flatten(2), module(x).flatten(2)[..., shuffle])


def test_to_attention_what_is_rare_stands_out() -> None:
    module = Attention(channels=16)
    module.fuse = nn.Identity()
    x = torch.randn(1, 16, 1, 1).expand(1, 16, 9, 9).clone()
    x[..., 2, 6] = torch.randn(16)
    far = module(x)[0].sum(0)
    assert far[2, 6] > 5 * far.flatten().kthvalue(80).values


def test_to_contrast_a_texture_is_the_same_with_dark_and_light_exchanged() -> None:
    module = Contrast(channels=8)
    x = torch.randn(2, 8, 13, 13)
    torch.testing.assert_close(module(-x), module(x))


def test_attention_takes_as_many_heads_as_divide_its_channels() -> None:
    assert Attention(channels=12, heads=4).heads == 2  # six channels inside


def test_context_of_one_cell_is_the_mean_and_the_deviation_of_the_map() -> None:
    module = Context(channels=8, bins=(1,))
    module.fuse = nn.Identity()
    x = torch.randn(2, 8, 7, 5)
    deviation, mean = torch.std_mean(x, (2, 3), correction=0, keepdim=True)
    expected = x + module.grids[0](mean) + module.spread(deviation)
    torch.testing.assert_close(module(x), expected)


def test_the_means_of_context_are_exact_in_a_graph_under_autocast_too(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 8, 21, 24)
    expected = context._means(x, 8)
    monkeypatch.setattr(context, "in_graph", lambda: True)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(context._means(x, 8), expected)


def test_context_knows_the_far_corner() -> None:
    module = Context(channels=8)
    x = torch.randn(1, 8, 32, 32)
    y = x.clone()
    y[..., :4, :4] += 3.0
    assert (module(x) - module(y))[..., -1, -1].abs().max() > 1e-4


@pytest.mark.parametrize(("cell", "strongest"), [(1, "high"), (2, "middle"), (16, "low")])
def test_frequency_tells_the_scale_of_a_checkerboard_and_not_its_phase(cell: int, strongest: str) -> None:
    module = Frequency(channels=8, reduction=1)
    module.fuse = nn.Identity()
    with torch.no_grad():
        module.reduce.weight.copy_(torch.eye(8)[:, :, None, None])
        for (band,) in (module.low, module.middle, module.high):
            band.weight.zero_()[:, :, 1, 1] = 1.0
    across = torch.arange(16) // cell
    board = (1.0 - 2.0 * ((across + across[:, None]) % 2)).expand(1, 8, 16, 16)
    bands = dict(zip(("high", "middle", "low"), module(board).detach().chunk(3, dim=1), strict=True))
    means = {name: band.abs().mean().item() for name, band in bands.items()}
    assert max(means, key=lambda name: means[name]) == strongest
    assert means[strongest] == pytest.approx(1.0, abs=0.01)
    if strongest != "low":
        torch.testing.assert_close(module(-board), module(board))


def test_hybrid_closes_where_its_gate_is_shut() -> None:
    module = Hybrid(channels=8)
    with torch.no_grad():
        module.gate[0].weight.zero_()
        module.gate[0].bias.fill_(-1e4)
    x = torch.randn(1, 8, 6, 6)
    torch.testing.assert_close(module(x), module.fuse.bias[:, None, None].expand_as(x))
