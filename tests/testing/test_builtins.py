"""No check raises a false alarm on a built-in."""

from __future__ import annotations

from importlib.util import find_spec

from frame import catalog
from frame.plugin.component import Kind
from frame.testing import Case, parametrize_with_checks

SMALL = {"edgenext_x_small", "edgenext_small", "edgenext_base"}
"""Other sizes of a network that is among the cases."""
OPTIONAL = {"tensorboard", "wandb"}
"""Whose libraries need not be installed."""
BESIDE = {"mlflow"}
"""What keeps its pictures where a server says, here in the working folder; tests/callbacks has its tests."""
SPECIAL = (
    Case("backbone", "timm", {"model": "resnet10t"}),
    Case(
        "backbone", "timm", {"model": "vit_tiny_patch16_224", "arguments": {"img_size": 64}}, capabilities=frozenset()
    ),
    Case("head", "moe", {"experts": ["texture", "edge", "context"], "top_k": 2, "width": 8, "selection_bias": True}),
    Case("head", "fpn", {"width": 8}),
    Case("loss", "balance"),
    Case("loss", "balance", {"by": "bias"}),
    Case("loss", "deep_supervision", {"decay": "cosine"}),
    Case("dataset", "camouflage", {"resolution": 32}),
    Case("callback", "tensorboard"),
    Case("callback", "wandb", {"mode": "offline"}),
)


def cases():
    special = {(each.kind, each.name) for each in SPECIAL}
    for entry in catalog().entries():
        builtin = entry.plugin.source.is_builtin and entry.name not in SMALL | BESIDE
        if builtin and (entry.kind, entry.name) not in special:
            yield Case(entry.kind, entry.name)
    yield from (each for each in SPECIAL if each.name not in OPTIONAL or find_spec(each.name))


@parametrize_with_checks(cases())
def test_a_built_in_keeps_the_contract(check) -> None:
    check()


def test_all_kinds_have_built_ins_among_the_cases() -> None:
    assert {case.kind for case in cases()} == set(Kind)
