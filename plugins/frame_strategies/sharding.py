"""How a batch is split over replicas, and what may go in and come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.parallel import scatter_gather
from torch.utils import _pytree as pytree

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.dtype)


def sample_count(arguments: Any) -> int:
    """First dimension of the first tensor in ``arguments``; 0 if there is none."""
    return next((len(each) for each in pytree.tree_leaves(arguments) if isinstance(each, Tensor) and each.ndim), 0)


def shard_sizes(samples: int, devices: int, *, singles: bool) -> list[int]:
    """Samples of each shard, as ``torch.chunk`` makes them; over fewer devices if there are not enough samples.

    Without ``singles`` no shard has a single sample, unless that is the whole batch: over one sample of one value a
    channel, BatchNorm has no variance, and raises where one device would have trained.
    """
    for count in range(min(samples, devices), 1, -1):
        size = -(-samples // count)
        if singles or (size > 1 and samples % size != 1):
            return [min(size, samples - start) for start in range(0, samples, size)]
    return [samples]


def scatter(
    args: tuple[Any, ...], kwargs: dict[str, Any], sizes: Sequence[int], devices: Sequence[torch.device]
) -> tuple[tuple[Any, ...], tuple[dict[str, Any], ...]]:
    """The arguments of each replica: tensors are split, everything else is given whole to each.

    ``devices``: one a shard. For more of them torch would have too few tensors, but still everything else.

    Raises
    ------
    TypeError
        If the first dimension of a tensor is not the batch, or a list has as many items as the batch, so that each
        may belong to a sample.
    """
    samples = sum(sizes)
    leaves, _ = pytree.tree_flatten_with_path((args, kwargs), is_leaf=_is_plain_list)
    for path, value in leaves:
        where = f"argument {pytree.keystr(path[1:])} of the model"
        if isinstance(value, Tensor) and (not value.ndim or len(value) != samples):
            raise TypeError(
                f"{where} is a tensor {list(value.shape)} beside a batch of {samples}, and can't be split over "
                "replicas: its first dimension has to be the batch"
            )
        if isinstance(value, list) and len(value) == samples:
            raise TypeError(
                f"{where} is a list of the batch's length, {samples}, of which each replica would get all: pass a "
                "tensor if its items belong to samples, a tuple if they don't"
            )
    return scatter_gather.scatter_kwargs(args, kwargs, devices)


def _is_plain_list(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(item, Tensor) for item in pytree.tree_leaves(tuple(value)))


def gather(outputs: Sequence[Any], sizes: Sequence[int], root: torch.device) -> Any:
    """What one device would have returned, on ``root``.

    Tensors of the batch are joined. A scalar that is a mean over samples, a loss, becomes the mean over all of them:
    weighted, because shards differ in size. Plain values have to be the same everywhere.

    Raises
    ------
    TypeError
        If something comes out that is none of these.
    """
    flat = [pytree.tree_flatten_with_path(output) for output in outputs]
    (_, structure), *others = flat
    if any(other != structure for _, other in others):
        raise TypeError("replicas returned different structures, which can't be gathered: is one of them optional?")
    joined: list[Any] = []
    batched: list[int] = []
    for leaves in zip(*(leaves for leaves, _ in flat), strict=True):
        values = [value for _, value in leaves]
        if all(isinstance(value, Tensor) and value.ndim for value in values):
            batched.append(len(joined))
            joined.append(values)
        else:
            joined.append(_one(values, sizes, root, pytree.keystr(leaves[0][0])))
    for place in batched:
        for value, size in zip(joined[place], sizes, strict=True):
            if len(value) != size:
                raise TypeError(_refusal(pytree.keystr(flat[0][0][place][0]), value, f"a replica of {size} samples"))
    columns = [[joined[place][replica] for place in batched] for replica in range(len(sizes))]
    for place, tensor in zip(batched, scatter_gather.gather(columns, root) if batched else (), strict=True):
        joined[place] = tensor
    return pytree.tree_unflatten(joined, structure)


def _one(values: Sequence[Any], sizes: Sequence[int], root: torch.device, where: str) -> Any:
    """What replicas returned in a place that holds no tensor of the batch, as one value."""
    first = values[0]
    if all(isinstance(value, Tensor) and not value.ndim and value.is_floating_point() for value in values):
        return sum(value.to(root) * (size / sum(sizes)) for value, size in zip(values, sizes, strict=True))
    if isinstance(first, _PLAIN) and all(type(value) is type(first) and value == first for value in values):
        return first
    raise TypeError(_refusal(where, first, f"{len(values)} replicas"))


def _refusal(where: str, value: Any, source: str) -> str:
    if isinstance(value, Tensor):
        what = f"a tensor {list(value.shape)}, {value.dtype},"
    else:
        what = repr(value) if isinstance(value, _PLAIN) else f"a {type(value).__name__}"
    return (
        f"output{where} of the model is {what} from {source} and can't be gathered. What leaves a model is a "
        "frame.Prediction, or tuples and dicts, of tensors whose first dimension is the batch"
    )
