"""What both heads keep to, whatever the maps and classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from frame_heads.fpn import FPN

if TYPE_CHECKING:
    from collections.abc import Callable

    from frame_heads.moe import MoE

CHANNELS, STRIDES = (6, 10, 12, 20), (4, 8, 16, 32)


@pytest.fixture(params=["moe", "fpn"])
def head(request: pytest.FixtureRequest, moe: Callable[..., MoE]) -> Callable[..., nn.Module]:
    """``head(**options)``: each head in turn."""

    def fpn(**options: Any) -> FPN:
        return FPN(**{"channels": CHANNELS, "strides": STRIDES, "num_classes": 1, "width": 16, **options})

    return moe if request.param == "moe" else fpn


@pytest.mark.parametrize("num_classes", [1, 3])
@pytest.mark.parametrize("size", [(64, 96), (97, 65), (3, 2)], ids=str)
def test_logits_have_the_size_asked_for_and_side_logits_that_of_their_maps(
    head: Callable[..., nn.Module], features: Callable[..., list[Tensor]], size: tuple[int, int], num_classes: int
) -> None:
    maps = features(2, size)
    prediction = head(num_classes=num_classes)(maps, size)
    assert prediction.logits.shape == (2, num_classes, *size)
    assert [s.shape for s in prediction.side] == [(2, num_classes, *x.shape[-2:]) for x in maps[1:]]


def test_all_that_leaves_a_head_is_batch_major(
    head: Callable[..., nn.Module], features: Callable[..., list[Tensor]]
) -> None:
    logits, side, extras = head()(features(5), (64, 96))
    assert {len(x) for x in (logits, *side, *extras.values())} == {5}


def test_without_side_outputs_there_are_none(
    head: Callable[..., nn.Module], features: Callable[..., list[Tensor]]
) -> None:
    plain, deep = head(side_outputs=False), head()
    assert plain(features(1), (64, 96)).side == ()
    assert len(list(plain.parameters())) < len(list(deep.parameters()))


def test_an_image_does_not_depend_on_its_companions(
    head: Callable[..., nn.Module], features: Callable[..., list[Tensor]]
) -> None:
    module, maps = head().train(), features(3)
    together = module(maps, (64, 96)).logits
    alone = torch.cat([module([x[i : i + 1] for x in maps], (64, 96)).logits for i in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_bfloat16_autocast_is_finite_forward_and_backward(
    head: Callable[..., nn.Module], features: Callable[..., list[Tensor]]
) -> None:
    module = head()
    with torch.autocast("cpu", torch.bfloat16):
        logits, side, extras = module(features(4), (64, 96))
        total = sum(x.float().square().mean() for x in (logits, *side, *extras.values()))
    total.backward()
    assert total.isfinite()
    assert all(p.grad.isfinite().all() for p in module.parameters() if p.grad is not None)


@pytest.mark.parametrize("levels", [1, 2])
def test_any_number_of_levels_will_do(head: Callable[..., nn.Module], levels: int, moe: Callable[..., MoE]) -> None:
    channels, strides = (9, 5)[:levels], (8, 16)[:levels]
    build = {"channels": channels, "strides": strides, "num_classes": 1, "width": 16}
    module = type(head())(**build, **({"experts": [lambda channels: nn.Identity()], "top_k": 1} if head is moe else {}))
    logits, side, _ = module(
        [torch.randn(2, c, 32 // s, 32 // s) for c, s in zip(channels, strides, strict=True)], (31, 30)
    )
    assert (logits.shape, len(side)) == ((2, 1, 31, 30), levels - 1)


def test_every_level_reaches_the_logits(head: Callable[..., nn.Module], features: Callable[..., list[Tensor]]) -> None:
    maps = [x.requires_grad_() for x in features(1)]
    head()(maps, (64, 96)).logits.square().sum().backward()
    assert all(x.grad is not None and x.grad.any() for x in maps)
