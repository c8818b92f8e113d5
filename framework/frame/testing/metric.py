"""Checks of metrics."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

from frame.testing.outcome import CheckSkippedError, fail, failing, skip, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from frame.testing.case import Subject

    Item = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]

NAMES = {"router.0": ("one", "two", "three"), "load.0": ("one", "two", "three")}


def check_figures(subject: Subject) -> None:
    """``compute()`` gives numbers by name, finite after ordinary images, for each task that it serves."""
    for classes in subject.task_sizes:
        with failing(f"it fails with {classes} classes", "mend it, or say in serves which tasks it can do"):
            metric = subject.build_or_raise(num_classes=classes)
            _feed(metric, _images(classes))
            found = metric.compute()
        if not isinstance(found, dict) or not found:
            fail(f"compute() gives {found!r}", "return a dict, the main figure first")
        for name, value in found.items():
            if not isinstance(name, str) or not isinstance(value, float):
                fail(f"figure {name!r} is a {type(value).__name__}", "return float(...) by a text")
            if math.isinf(value) or (math.isnan(value) and name == next(iter(found))):
                fail(f"figure {name!r} is {value} after ordinary images", "look for a division by 0")


def check_empty_masks(subject: Subject) -> None:
    """An image whose mask is empty, or full, leaves the main figure finite, and is no error when there is none else."""
    for classes in subject.task_sizes:
        images = _images(classes)
        probability, mask = images[0]
        for value in (0, 1):
            blank = (probability, np.full_like(mask, value))
            with failing(f"it fails when every mask is all {value}", "say what such an image counts, or leave it out"):
                alone = _fresh(subject, classes)
                _feed(alone, [blank, blank])
                alone.compute()
            found = _computed(subject, classes, [*images, blank])
            name = next(iter(found))
            if not math.isfinite(found[name]):
                fail(
                    f"figure {name!r} is {found[name]} when the mask of one image is all {value}",
                    "say what such an image counts, or leave it out of the mean",
                )


def check_streaming(subject: Subject) -> None:
    """``compute()`` may be asked at any time: it changes nothing, and counting goes on after it."""
    for classes in subject.task_sizes:
        images = _images(classes)
        whole = _computed(subject, classes, images)
        metric = _fresh(subject, classes)
        for item in images:
            _feed(metric, [item])
            _figures(metric)
        if not _equal(whole, _figures(metric)):
            fail(f"its figures are others when they were asked for in between{_of(classes)}", "let compute() only read")


def check_merge(subject: Subject) -> None:
    """Two that counted uneven shares and were merged give what one gives that counted all; so with one that saw none.

    Processes count a share each, and the last share is often smaller.
    """
    for classes in subject.task_sizes:
        images = _images(classes)
        whole = _computed(subject, classes, images)
        for cut in (1, 5, 0, len(images)):
            first, second = _fresh(subject, classes), _fresh(subject, classes)
            _feed(first, images[:cut])
            _feed(second, images[cut:])
            with failing(f"merge fails after {cut} and {len(images) - cut} images", "add what the other has counted"):
                first.merge(second)
            found = _figures(first)
            if not _equal(whole, found):
                what = _different(whole, found)
                fail(
                    f"figure {what!r} of {cut} and {len(images) - cut} images merged is {found.get(what)}, of all at "
                    f"once {whole.get(what)}{_of(classes)}",
                    "keep sums and counts and merge those: a mean of means weighs shares, not images",
                )


def check_order(subject: Subject) -> None:
    """The figures do not depend on the order of the images."""
    for classes in subject.task_sizes:
        images = _images(classes)
        if not _equal(_computed(subject, classes, images), _computed(subject, classes, images[::-1])):
            fail(f"its figures depend on the order of the images{_of(classes)}", "keep sums, not a running average")


def check_instances_are_independent(subject: Subject) -> None:
    """Each instance counts for itself: another that counted before changes nothing."""
    for classes in subject.task_sizes:
        images = _images(classes)
        first = _computed(subject, classes, images)
        _computed(subject, classes, images[:2])
        if not _equal(first, _computed(subject, classes, images)):
            fail("a new instance goes on from what others counted", "make lists and sums in __init__, not on the class")


def check_a_good_prediction_counts(subject: Subject) -> None:
    """The main figure of what the masks say is another than that of the opposite."""
    for classes in subject.task_sizes:
        images = _images(classes)
        right = _computed(subject, classes, [(_said(mask, classes), mask) for _, mask in images])
        wrong = _computed(subject, classes, [(1 - _said(mask, classes), mask) for _, mask in images])
        name = next(iter(right))
        if hasattr(_fresh(subject, classes), "update_extras"):
            skip("it counts the head's extras, not the prediction")
        if math.isclose(right[name], wrong.get(name, math.nan), rel_tol=1e-6):
            fail(
                f"figure {name!r} is {right[name]:.4g} whatever is predicted{_of(classes)}",
                "compare the probability with the mask: 0 and 1 for one class, indices for more",
            )


def check_arguments_are_left_alone(subject: Subject) -> None:
    """Probability and mask are not changed: other metrics and pictures get them too."""
    for classes in subject.task_sizes:
        probability, mask = _images(classes)[0]
        before = probability.copy(), mask.copy()
        _feed(_fresh(subject, classes), [(probability, mask)])
        if not np.array_equal(probability, before[0]) or not np.array_equal(mask, before[1]):
            fail("update changes its arguments in place", "work on copies")


def check_pickles(subject: Subject) -> None:
    """It can be pickled with what it has counted: so processes hand it to the first of them."""
    for classes in subject.task_sizes:
        metric = _fresh(subject, classes)
        _feed(metric, _images(classes))
        with failing("it can't be pickled", "hold no lambda, local function or open file"):
            twin = pickle.loads(pickle.dumps(metric))  # noqa: S301  (what was just written)
        if not _equal(_figures(metric), _figures(twin)):
            fail("what was pickled gives other figures", "keep counts on the object, not on the class")


CHECKS = (
    check_figures,
    check_empty_masks,
    check_streaming,
    check_merge,
    check_order,
    check_instances_are_independent,
    check_a_good_prediction_counts,
    check_arguments_are_left_alone,
    check_pickles,
)


def _images(classes: int) -> list[Item]:
    """Seven probabilities ``[K, H, W]`` with their masks, each pair of another size; objects are part of each mask."""
    rng = np.random.default_rng(5)
    found = []
    for index in range(7):
        height, width = 20 + 3 * index, 31 - 2 * index
        mask = np.zeros((height, width), np.uint8)
        mask[3 : 9 + index, 4 : 12 + index] = 1 + index % max(1, classes - 1)
        noise = rng.random((max(2, classes), height, width))
        mixed = noise + (0.3 + 0.1 * index) * _said(mask, max(2, classes))
        share = (mixed / mixed.sum(axis=0)).astype(np.float32)
        found.append((share[1:2] if classes == 1 else share, mask))
    return found


def _said(mask: npt.NDArray[np.uint8], classes: int) -> npt.NDArray[np.float32]:
    """The probabilities ``[K, H, W]`` that say ``mask``."""
    if classes == 1:
        return (mask > 0)[None].astype(np.float32)
    return np.asarray(np.arange(classes)[:, None, None] == mask, dtype=np.float32)


def _extras(item: Item) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
    """What a head with a router of three experts tells of an image."""
    scores = item[0].reshape(-1)[:3].astype(np.float32) + 0.1
    load = (np.arange(3) != int(item[1].sum()) % 3).astype(np.float32)
    yield {"router.0": scores / scores.sum(), "load.0": load}


def _fresh(subject: Subject, classes: int) -> Any:
    return subject.build(num_classes=classes)


def _feed(metric: Any, images: Sequence[Item]) -> None:
    for item in images:
        metric.update(*item)
        if hasattr(metric, "update_extras"):
            for extras in _extras(item):
                metric.update_extras(extras, NAMES)


def _computed(subject: Subject, classes: int, images: Sequence[Item]) -> dict[str, float]:
    try:
        metric = _fresh(subject, classes)
        _feed(metric, images)
    except Exception as error:
        raise CheckSkippedError(f"it can't be computed, see check_figures ({told(error)})") from error
    return _figures(metric)


def _figures(metric: Any) -> dict[str, float]:
    """What it computes; skips if that is of another form, which ``check_figures`` tells."""
    try:
        found = metric.compute()
    except Exception as error:
        raise CheckSkippedError(f"it can't be computed, see check_figures ({told(error)})") from error
    if not isinstance(found, dict) or not found or not all(isinstance(each, float) for each in found.values()):
        skip("compute() gives no dict of numbers, see check_figures")
    return found


def _different(one: dict[str, float], other: dict[str, float]) -> str:
    return next((name for name in one if not _close(one[name], other.get(name))), next(iter(one)))


def _equal(one: dict[str, float], other: dict[str, float]) -> bool:
    return one.keys() == other.keys() and all(_close(value, other[name]) for name, value in one.items())


def _close(one: float, other: float | None) -> bool:
    if other is None or math.isnan(one) or math.isnan(other):
        return other is not None and math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _of(classes: int) -> str:
    return f" ({classes} classes)"
