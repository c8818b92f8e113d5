"""Losses against their papers' formulas, pixel by pixel in float64."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tests.losses.cases import random_mask
from torch.nn import functional as F

from frame import Prediction, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

IMAGES, CLASSES, HEIGHT, WIDTH = 3, 3, 6, 7
PIXELS = tuple(product(range(HEIGHT), range(WIDTH)))
Map = list[list[float]]


@pytest.fixture(params=[1, CLASSES], ids=["one class", "many classes"])
def drawn(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    classes: int = request.param
    logits = 2 * torch.randn(IMAGES, classes, HEIGHT, WIDTH, dtype=torch.float64)
    mask = random_mask(classes, IMAGES, HEIGHT, WIDTH)
    if classes > 1:
        mask[1][mask[1] == 2] = 0  # an image that lacks a class
    return logits, mask


def per_class(logits: Tensor, mask: Tensor) -> Iterator[list[tuple[Map, Map]]]:
    """For each image, probability and truth of each class that counts, 0 where ignored."""
    for image, labels in zip(logits, mask, strict=True):
        if len(image) == 1:
            yield [((1 / (1 + torch.exp(-image[0]))).tolist(), labels[0].tolist())]
            continue
        probability = torch.exp(image) / torch.exp(image).sum(0) * (labels != 255)
        truths = [(labels == index).double().tolist() for index in range(len(image))]
        yield [(p.tolist(), t) for p, t in zip(probability, truths, strict=True) if any(map(any, t))]


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def mean_of_classes(drawn: tuple[Tensor, Tensor], of_class: Callable[[Map, Map], float]) -> float:
    return mean([mean([of_class(p, t) for p, t in classes]) for classes in per_class(*drawn)])


def around(maps: Map, y: int, x: int, reach: int, beyond: float | None) -> list[float]:
    """The values of a square window; outside the image ``beyond``, or none."""
    inside = [
        maps[v][u] if 0 <= v < HEIGHT and 0 <= u < WIDTH else beyond
        for v in range(y - reach, y + reach + 1)
        for u in range(x - reach, x + reach + 1)
    ]
    return [value for value in inside if value is not None]


def check(found: Tensor, expected: float) -> None:
    assert float(found) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("window", "boundary"), [(31, 5.0), (5, 2.0)])
def test_structure_is_weighted_entropy_and_iou(
    loss: Any, drawn: tuple[Tensor, Tensor], window: int, boundary: float
) -> None:
    def weight(truth: Map, y: int, x: int) -> float:
        return 1 + boundary * abs(math.fsum(around(truth, y, x, window // 2, 0.0)) / window**2 - truth[y][x])

    images = []
    for classes in per_class(*drawn):
        binary = len(drawn[0][0]) == 1
        total = entropy = 0.0
        weights = [[0.0] * WIDTH for _ in range(HEIGHT)]
        for probability, truth in classes:
            for y, x in PIXELS:
                if truth[y][x] or binary:
                    weights[y][x] = weight(truth, y, x)
                    right = probability[y][x] if truth[y][x] else 1 - probability[y][x]
                    entropy -= weights[y][x] * math.log(right)
                    total += weights[y][x]
        overlaps = []
        for probability, truth in classes:
            both = math.fsum(weights[y][x] * probability[y][x] * truth[y][x] for y, x in PIXELS)
            every = math.fsum(weights[y][x] * (probability[y][x] + truth[y][x]) for y, x in PIXELS)
            overlaps.append((both + 1) / (every - both + 1))
        images.append(entropy / total + 1 - mean(overlaps))
    found = loss("structure", f"window={window}", f"boundary={boundary}")(Prediction(drawn[0]), drawn[1])
    check(found, mean(images))


def test_structure_without_a_boundary_is_the_mask_loss(loss: Any, drawn: tuple[Tensor, Tensor]) -> None:
    prediction, mask = Prediction(drawn[0]), drawn[1]
    torch.testing.assert_close(loss("structure", "boundary=0.0")(prediction, mask), loss("mask")(prediction, mask))


@pytest.mark.parametrize(
    ("case", "alpha", "beta", "gamma", "smooth"),
    [
        (("soft_iou", "smooth=2.0"), 1, 1, 1, 2),
        (("dice",), 0.5, 0.5, 1, 1),
        (("tversky",), 0.3, 0.7, 1, 1),
        (("tversky", "alpha=0.8", "beta=0.1", "gamma=1.5", "smooth=0.1"), 0.8, 0.1, 1.5, 0.1),
    ],
)
def test_overlaps_are_ratios_of_areas(
    loss: Any,
    drawn: tuple[Tensor, Tensor],
    case: tuple[str, ...],
    alpha: float,
    beta: float,
    gamma: float,
    smooth: float,
) -> None:
    def of_class(probability: Map, truth: Map) -> float:
        pairs = [(probability[y][x], truth[y][x]) for y, x in PIXELS]
        both = math.fsum(p * t for p, t in pairs)
        false, missed = math.fsum(p * (1 - t) for p, t in pairs), math.fsum((1 - p) * t for p, t in pairs)
        return (1 - (both + smooth) / (both + alpha * false + beta * missed + smooth)) ** gamma

    check(loss(*case)(Prediction(drawn[0]), drawn[1]), mean_of_classes(drawn, of_class))


def test_lovasz_adds_up_what_each_error_adds_to_the_loss_of_the_set_of_errors(
    loss: Any, drawn: tuple[Tensor, Tensor]
) -> None:
    def jaccard_loss(wrong: set[tuple[int, int]], area: set[tuple[int, int]]) -> float:
        return len(wrong) / len(wrong | area) if wrong else 0.0

    def of_class(probability: Map, truth: Map) -> float:
        area = {(y, x) for y, x in PIXELS if truth[y][x]}
        if len(drawn[0][0]) == 1:
            logit = {(y, x): math.log(probability[y][x] / (1 - probability[y][x])) for y, x in PIXELS}
            errors = {at: max(0.0, 1 - (z if at in area else -z)) for at, z in logit.items()}
        else:
            errors = {(y, x): abs(truth[y][x] - probability[y][x]) for y, x in PIXELS}
        loss, wrong = 0.0, set()
        for at in sorted(errors, key=errors.__getitem__, reverse=True):
            before = jaccard_loss(wrong, area)
            wrong = wrong | {at}
            loss += errors[at] * (jaccard_loss(wrong, area) - before)
        return loss

    check(loss("lovasz")(Prediction(drawn[0]), drawn[1]), mean_of_classes(drawn, of_class))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_is_entropy_times_a_power_of_the_error(loss: Any, drawn: tuple[Tensor, Tensor], gamma: float) -> None:
    alpha = [0.25, 0.75] if len(drawn[0][0]) == 1 else [0.5, 1.0, 3.0]
    images = []
    for image, labels in zip(*drawn, strict=True):
        terms = []
        for y, x in PIXELS:
            label = int(labels[..., y, x])
            if label != 255:
                scores = [0.0, *image[:, y, x].tolist()] if len(image) == 1 else image[:, y, x].tolist()
                right = math.exp(scores[label]) / math.fsum(map(math.exp, scores))
                terms.append(-alpha[label] * (1 - right) ** gamma * math.log(right))
        images.append(mean(terms))
    option = "alpha=0.75" if len(drawn[0][0]) == 1 else f"alpha={alpha}"
    check(loss("focal", f"gamma={gamma}", option)(Prediction(drawn[0]), drawn[1]), mean(images))


def test_focal_without_gamma_is_cross_entropy(loss: Any, drawn: tuple[Tensor, Tensor]) -> None:
    prediction, mask = Prediction(drawn[0]), drawn[1]
    torch.testing.assert_close(loss("focal", "gamma=0.0")(prediction, mask), loss("cross_entropy")(prediction, mask))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 1.0]])
def test_cross_entropy_of_an_image_is_torchs(
    loss: Any, drawn: tuple[Tensor, Tensor], smoothing: float, weights: Any
) -> None:
    logits, mask = drawn
    options = [f"label_smoothing={smoothing}"]
    if logits.shape[1] == 1:  # as a softmax over the background, whose logit is 0, and the object
        logits, mask, weights = torch.cat([0 * logits, logits], 1), mask[:, 0].long(), weights and weights[:2]
    options += [f"class_weights={weights}"] if weights else []
    weight = torch.tensor(weights, dtype=torch.float64) if weights else None
    apart = [
        F.cross_entropy(logits[i : i + 1], mask[i : i + 1], weight, ignore_index=255, label_smoothing=smoothing)
        for i in range(IMAGES)
    ]
    check(loss("cross_entropy", *options)(Prediction(drawn[0]), drawn[1]), float(sum(apart)) / IMAGES)


def test_edge_compares_sobel_gradients(loss: Any, drawn: tuple[Tensor, Tensor]) -> None:
    def gradient(maps: Map, y: int, x: int) -> tuple[float, float]:
        def at(down: int, right: int) -> float:
            return maps[min(max(y + down, 0), HEIGHT - 1)][min(max(x + right, 0), WIDTH - 1)]

        steps = ((-1, 1), (0, 2), (1, 1))
        across = math.fsum(weight * (at(step, 1) - at(step, -1)) for step, weight in steps)
        down = math.fsum(weight * (at(1, step) - at(-1, step)) for step, weight in steps)
        return across, down

    images = []
    for image, labels in zip(*drawn, strict=True):
        kept = labels.squeeze(0) != 255
        terms = []
        for index in range(len(image)):
            probability = (image.sigmoid() if len(image) == 1 else image.softmax(0))[index] * kept
            truth = labels[0] if len(image) == 1 else (labels == index).double()
            p, t = probability.tolist(), truth.tolist()
            terms += [math.dist(gradient(p, y, x), gradient(t, y, x)) ** 2 for y, x in PIXELS if kept[y, x]]
        images.append(mean(terms))
    check(loss("edge")(Prediction(drawn[0]), drawn[1]), mean(images))


@pytest.mark.parametrize(("width", "tolerance"), [(3, 2), (5, 0)])
def test_boundary_is_the_f1_of_rims(loss: Any, drawn: tuple[Tensor, Tensor], width: int, tolerance: int) -> None:
    kept = (drawn[1] != 255).view(IMAGES, HEIGHT, WIDTH).tolist()
    images = []
    for number, classes in enumerate(per_class(*drawn)):

        def rim(maps: Map, kept: Any = kept[number]) -> Map:
            outside = [[1 - value for value in row] for row in maps]
            return [
                [kept[y][x] * (max(around(outside, y, x, width // 2, None)) - outside[y][x]) for x in range(WIDTH)]
                for y in range(HEIGHT)
            ]

        def covered(rim: Map, other: Map) -> float:
            near = math.fsum(rim[y][x] * max(around(other, y, x, tolerance, None)) for y, x in PIXELS)
            return (near + 1) / (math.fsum(map(math.fsum, rim)) + 1)

        rims = [(rim(p), rim(t)) for p, t in classes]
        rates = [(covered(found, true), covered(true, found)) for found, true in rims]
        images.append(mean([1 - 2 * p * r / (p + r) for p, r in rates]))
    found = loss("boundary", f"width={width}", f"tolerance={tolerance}")(Prediction(drawn[0]), drawn[1])
    check(found, mean(images))


@pytest.mark.parametrize(
    ("case", "classes", "message"),
    [
        (("dice", "class_weights=[1.0, 2.0]"), 1, "leave it out, one class has nothing"),
        (("dice", "class_weights=[1.0, 2.0]"), 3, r"dice: 2 weights of classes do not fit this data set; give 3"),
        (("lovasz", "class_weights=[1.0, 2.0]"), 3, "give 3"),
        (("cross_entropy", "class_weights=[1.0, 2.0, 3.0]"), 1, "give 2"),
        (("focal", "alpha=[1.0, 2.0]"), 3, "give 3"),
        (("focal", "alpha=0.25"), 3, "a single alpha is for one class"),
    ],
)
def test_weights_that_do_not_fit_the_classes_are_met_with_the_remedy(
    loss: Any, case: Any, classes: int, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        loss(*case)(Prediction(torch.zeros(1, classes, 4, 4)), random_mask(classes, 1, 4, 4))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (("structure", "window=4"), "must be odd, so that a pixel is in the middle; take 5"),
        (("boundary", "width=4"), "take 5"),
        (("tversky", "alpha=0.0", "beta=0.0"), "every prediction would be right"),
        (("dice", "class_weights=[0.0, 0.0]"), "at least one must be above 0"),
        (("dice", "smooth=0.0"), "smooth"),
        (("cross_entropy", "label_smoothing=1.0"), "label_smoothing"),
        (("deep_supervision", "decay=square"), "decay"),
    ],
)
def test_options_without_sense_are_refused(loss: Any, case: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        loss(*case)
