"""Which modules of a timm feature extractor belong to which of its maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


def stages_of(net: Any) -> list[list[nn.Module]]:
    """The modules of ``net`` in groups that end where a map is taken, from the image's side on.

    Every parameter is in exactly one group; a network that can't be divided so, such as a transformer with parameters
    outside its blocks, is one group.
    """
    # timm's wrappers rename a module within a sequence from "stages.0" to "stages_0": compare without the difference
    ends = {name.replace(".", "_") for name in net.feature_info.module_name()}
    root = getattr(net, "model", None) or getattr(net, "body", None) or net  # two of the wrappers hold it whole
    groups: list[list[nn.Module]] = [[]]
    for path, module in _units(root, ends):
        groups[-1].append(module)
        if path in ends:
            groups.append([])
    rest = groups.pop()
    if groups:
        groups[-1] += rest  # what follows the last map, such as fusion layers
    divided = sum(parameter.numel() for group in groups for module in group for parameter in module.parameters())
    whole = sum(parameter.numel() for parameter in net.parameters())
    return groups if divided == whole else [[net]]


def _units(module: nn.Module, ends: set[str], prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Children in the order of use; one is opened if a map is taken from within it."""
    for name, child in module.named_children():
        path = prefix + name
        if any(end.startswith(f"{path}_") for end in ends):
            yield from _units(child, ends, f"{path}_")
        else:
            yield path, child
