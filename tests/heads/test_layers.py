"""Layers that heads and experts are made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from frame_heads import layers
from frame_heads.layers import PIECES, Pointwise, depthwise, in_fast_layout


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("few", [0, layers.FEW_PIXELS])
@pytest.mark.parametrize("shape", [(2, 8, 4, 6), (3, 8, 5, 7), (PIECES, 8, 2, 2), (1, 8, 1, 1)])
def test_a_pointwise_convolution_is_one_whatever_way_it_is_run(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], few: int, layout: torch.memory_format
) -> None:
    monkeypatch.setattr(layers, "FEW_PIXELS", few)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    layer, plain = Pointwise(8, 5), nn.Conv2d(8, 5, 1)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(shape).contiguous(memory_format=layout)
    goal = torch.randn(shape[0], 5, *shape[2:])
    gradients = []
    for module in (layer, plain):
        given = x.clone().requires_grad_()
        found = module(given)
        torch.testing.assert_close(found, plain(x))
        (found * goal).sum().backward()
        gradients.append([given.grad, *(parameter.grad for parameter in module.parameters())])
    torch.testing.assert_close(*gradients)


def test_few_pixels_are_no_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(nn.Conv2d, "_conv_forward")
    layer, x = Pointwise(8, 5), torch.randn(2, 8, 64, 64).contiguous(memory_format=torch.channels_last)
    assert layer(x[..., :16, :16].contiguous(memory_format=torch.channels_last)).shape == (2, 5, 16, 16)
    with pytest.raises(AttributeError):
        layer(x)


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_depthwise_filters_reach_as_far_as_their_kernel_and_touch_one_channel(kernel: int) -> None:
    x = torch.zeros(1, 3, 15, 15)
    x[0, 1, 7, 7] = 1.0
    touched = depthwise(3, kernel)(x)[0].ne(0)
    assert touched.any(0).nonzero().aminmax(dim=0).min.tolist() == [7 - kernel // 2] * 2
    assert touched.any(0).nonzero().aminmax(dim=0).max.tolist() == [7 + kernel // 2] * 2
    assert touched.flatten(1).any(1).tolist() == [False, True, False]


def test_maps_lie_channels_last_on_a_cpu() -> None:
    assert in_fast_layout(torch.randn(2, 8, 4, 4)).is_contiguous(memory_format=torch.channels_last)
