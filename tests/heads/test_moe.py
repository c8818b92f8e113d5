"""The mixture-of-experts head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from frame import UserError, catalog
from frame.config.bind import ConfigError, bind_component
from frame.plugin.component import Kind
from frame_heads.experts.context import Context
from frame_heads.experts.contrast import Contrast
from frame_heads.experts.edge import Edge
from frame_heads.moe import MoE

if TYPE_CHECKING:
    from collections.abc import Callable

BUILD: dict[str, Any] = {"channels": (6, 10), "strides": (4, 8), "num_classes": 1}


def test_the_routers_probabilities_and_loads_leave_for_every_level(
    moe: Callable[..., MoE], features: Callable[..., list[Tensor]]
) -> None:
    extras = moe(top_k=2)(features(3), (64, 96)).extras
    assert list(extras) == [f"{what}.{level}" for what in ("router", "load", "scores") for level in range(4)]
    assert {(tuple(x.shape), x.dtype) for x in extras.values()} == {((3, 7), torch.float32)}
    for level in range(4):
        torch.testing.assert_close(extras[f"router.{level}"].sum(1), torch.ones(3))
        assert extras[f"router.{level}"].requires_grad
        assert extras[f"load.{level}"].sum(1).tolist() == [2.0] * 3
        assert not extras[f"load.{level}"].requires_grad


def test_the_task_teaches_every_router(moe: Callable[..., MoE], features: Callable[..., list[Tensor]]) -> None:
    head = moe()
    head(features(4), (64, 96)).logits.square().mean().backward()
    for layer in head.mixtures:
        assert layer.router.linear.weight.grad.abs().max() > 0


def test_the_balance_of_a_level_can_be_learned(moe: Callable[..., MoE], features: Callable[..., list[Tensor]]) -> None:
    """Descending N * sum(f * P) evens out what the predecessor's balance loss could not."""
    head = moe(top_k=1)
    maps = [x + 3 * torch.randn(*x.shape[:2], 1, 1) for x in features(16)]  # that a router can tell apart
    with torch.no_grad():
        head.mixtures[0].router.linear.bias[3] = 2.0
    optimizer = torch.optim.SGD(head.mixtures[0].router.parameters(), lr=1.0)

    def busiest() -> float:
        load: Tensor = head(maps, (64, 96)).extras["load.0"]
        return load.mean(0).max().item()

    before = busiest()
    for _ in range(60):
        extras = head(maps, (64, 96)).extras
        balance = 7 * (extras["load.0"].mean(0) * extras["router.0"].mean(0)).sum()
        optimizer.zero_grad()
        balance.backward()
        optimizer.step()
    assert before > 0.8
    assert busiest() < 0.5


@pytest.mark.parametrize(("count", "top_k"), [(1, 1), (64, 5)])
def test_from_one_to_many_experts(
    moe: Callable[..., MoE], features: Callable[..., list[Tensor]], count: int, top_k: int
) -> None:
    head = moe(experts=[Contrast] * count, top_k=top_k)
    logits, _, extras = head(features(2), (64, 96))
    assert logits.isfinite().all()
    assert extras["router.3"].shape == (2, count)
    logits.mean().backward()


def test_one_expert_alone_is_used_in_full(moe: Callable[..., MoE], features: Callable[..., list[Tensor]]) -> None:
    head = moe(experts=[Contrast], top_k=1)
    layer, x = head.mixtures[0], torch.randn(2, 16, 8, 8)
    torch.testing.assert_close(layer.dense(x, layer.router(x).weights), x + layer.experts[0](x))


def test_an_expert_named_twice_has_two_sets_of_weights(moe: Callable[..., MoE]) -> None:
    first, second = moe(experts=[Contrast, Contrast], top_k=2).mixtures[0].experts
    assert not torch.equal(first.local[0].weight, second.local[0].weight)


def test_an_expert_named_twice_is_switched_off_by_its_number(moe: Callable[..., MoE]) -> None:
    head = moe(experts=[Contrast, Contrast], top_k=1)
    assert head.experts == ("Contrast", "Contrast_2")
    head.switch_off(["Contrast_2"])
    assert [list(mixture.router.off) for mixture in head.mixtures] == [[1]] * len(head.mixtures)
    another = type("Contrast_2", (Contrast,), {})  # has that name by itself
    assert moe(experts=[Contrast, Contrast, another], top_k=1).experts == ("Contrast", "Contrast_3", "Contrast_2")


def test_an_expert_that_the_head_never_heard_of_takes_part(
    moe: Callable[..., MoE], features: Callable[..., list[Tensor]]
) -> None:
    head = moe(experts=[lambda channels: nn.Conv2d(channels, channels, 3, padding=1), Contrast], top_k=2)
    head(features(2), (64, 96)).logits.mean().backward()
    assert all(layer.experts[0].weight.grad.any() for layer in head.mixtures)


def test_a_traced_head_gives_the_same_for_any_batch() -> None:
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            parts = {"experts": [Contrast, Edge, Context], "shared": Contrast, "selection_bias": True}
            self.head = MoE(**BUILD, **parts, top_k=2, width=16).eval()

        def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
            logits: Tensor = self.head([fine, coarse], (33, 30)).logits
            return logits

    def maps(batch: int) -> tuple[Tensor, Tensor]:
        return torch.randn(batch, 6, 9, 8), torch.randn(batch, 10, 5, 4)

    module, batch = Fixed(), torch.export.Dim("batch", min=1, max=16)
    graph = torch.export.export(module, maps(2), dynamic_shapes=({0: batch}, {0: batch})).module()
    for count in (1, 5):
        given = maps(count)
        torch.testing.assert_close(graph(*given), module(*given), atol=1e-5, rtol=1e-4)


def test_the_config_names_the_experts_and_their_options() -> None:
    part = bind_component(
        catalog(),
        Kind.HEAD,
        "moe",
        ['experts=[{name="texture", dilations=[1, 5]}, "edge", "edge"]', "top_k=2", "width=16"],
    )
    experts = part(**BUILD).mixtures[1].experts
    assert [type(e).__name__ for e in experts] == ["Texture", "Edge", "Edge"]
    assert [scale.dilation for scale in experts[0].scales] == [(1, 1), (5, 5)]


def test_the_config_sets_up_the_routers_and_a_shared_expert() -> None:
    overrides = ['shared={name="edge", reduction=4}', "dense_warmup=0.1", "selection_bias=true", "width=16"]
    head = bind_component(catalog(), Kind.HEAD, "moe", overrides)(**BUILD)
    layer = head.mixtures[1]
    assert (type(layer.shared), layer.shared.narrow) == (Edge, 4)
    assert (layer.router.dense_warmup, layer.router.bias.tolist()) == (0.1, [0.0] * 7)
    assert head.extra_names["load.1"] == ("texture", "attention", "hybrid", "frequency", "edge", "context", "contrast")


def test_a_selection_bias_leaves_the_head_with_its_gradient(
    moe: Callable[..., MoE], features: Callable[..., list[Tensor]]
) -> None:
    head = moe(selection_bias=True)
    extras = head(features(3), (64, 96)).extras
    extras["bias.2"].mean(0)[5].backward()
    assert head.mixtures[2].router.bias.grad.tolist() == [0.0] * 5 + [1.0, 0.0]


def test_the_default_is_three_of_the_seven() -> None:
    head = bind_component(catalog(), Kind.HEAD, "moe")(**BUILD)
    assert (len(head.mixtures[0].experts), head.mixtures[0].router.top_k) == (7, 3)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["top_k=8"], "top_k = 8, but there are 7 experts"),
        (['experts=["edge"]'], "top_k = 3, but there is 1 expert;"),
        (["experts=[]"], "at least 1"),
        (['experts=["edgy"]'], "edge"),
        (["temperature=0"], "greater than 0"),
    ],
)
def test_options_that_make_no_mixture_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bind_component(catalog(), Kind.HEAD, "moe", overrides)


def test_options_and_targets_agree() -> None:
    """Every component of this plugin can be built from its defaults."""
    found = catalog()
    for name in ("texture", "attention", "hybrid", "frequency", "edge", "context", "contrast"):
        assert isinstance(bind_component(found, Kind.EXPERT, name)(channels=8), nn.Module)
    assert isinstance(bind_component(found, Kind.HEAD, "fpn")(**BUILD), nn.Module)


def test_an_expert_that_is_switched_off_is_not_chosen_until_it_is_on_again(
    moe: Callable[..., MoE], features: Callable[..., list[Tensor]]
) -> None:
    head = moe(top_k=2).eval()
    maps = features(5)
    before = head(maps, (64, 96))
    busiest = int(before.extras["load.0"].sum(0).argmax())
    head.switch_off([head.experts[busiest]])
    without = head(maps, (64, 96))
    for level in range(4):
        assert without.extras[f"load.{level}"][:, busiest].sum() == 0
        torch.testing.assert_close(without.extras[f"router.{level}"].sum(1), torch.ones(5))
    assert not torch.equal(before.logits, without.logits)
    head.switch_off([])
    torch.testing.assert_close(head(maps, (64, 96)).logits, before.logits, rtol=0, atol=0)


def test_what_can_t_be_switched_off_is_said(moe: Callable[..., MoE]) -> None:
    head = moe()
    with pytest.raises(UserError, match="no expert is called 'wing'"):
        head.switch_off(["wing"])
    with pytest.raises(UserError, match="one expert at least"):
        head.switch_off(head.experts)
