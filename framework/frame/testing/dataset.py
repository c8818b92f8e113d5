"""Checks of data sets."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from frame.contracts.dataset import Sample
from frame.plugin.errors import UserError
from frame.testing.elsewhere import call_elsewhere, items_of
from frame.testing.outcome import CheckSkippedError, fail, failing, skip, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frame.testing.case import Subject

MOST = 24  # samples of a split that are looked at


def check_length(subject: Subject) -> None:
    """``len`` of each split is a whole number above 0."""
    for split, dataset in _splits(subject):
        with failing(f"len of split {split!r} fails", "give the data set a __len__"):
            length = len(dataset)
        if length < 1:
            fail(f"split {split!r} is empty", "raise frame.UserError that says where the files should be")


def check_samples(subject: Subject) -> None:
    """A sample is a ``frame.Sample``: an image ``[H, W, 3]`` and a mask ``[H, W]``, both uint8, and an id."""
    for split, dataset in _splits(subject):
        for index in _some(dataset):
            with failing(f"item {index} of split {split!r} can't be had", "mend it, or raise frame.UserError"):
                sample = dataset[index]
            where = f"item {index} of split {split!r}"
            if not isinstance(sample, Sample):
                fail(f"{where} is a {type(sample).__name__}", "return frame.Sample(image, mask, id)")
            for name, each, wanted in (("image", sample.image, "[H, W, 3]"), ("mask", sample.mask, "[H, W]")):
                if not isinstance(each, np.ndarray) or each.dtype != np.uint8:
                    kind = getattr(each, "dtype", type(each).__name__)
                    fail(f"the {name} of {where} is {kind}", "return bytes as they lie on disk: a numpy array of uint8")
                if each.ndim != len(wanted.split(",")) or (name == "image" and each.shape[2] != 3):
                    fail(f"the {name} of {where} has the shape {each.shape}", f"return {wanted}; an image is RGB")
            if sample.image.shape[:2] != sample.mask.shape:
                fail(f"image and mask of {where} are {sample.image.shape[:2]} and {sample.mask.shape}", "let both fit")
            if not isinstance(sample.id, str) or not sample.id:
                fail(f"the id of {where} is {sample.id!r}", "return a text, unique in its split")


def check_ranges(subject: Subject) -> None:
    """Masks hold the classes' indices, 0 and 1 for binary work, and some have an object; images use their range."""
    classes = len(getattr(subject.part.options, "classes", None) or ()) or 1
    for split, dataset in _splits(subject):
        samples = [_item(dataset, index) for index in _some(dataset)]
        found = sorted({int(value) for sample in samples for value in np.unique(sample.mask)})
        allowed = {0, 1} if classes == 1 else {*range(classes), 255}
        if foreign := set(found) - allowed:
            fail(
                f"masks of split {split!r} hold {sorted(foreign)[:4]}",
                "return class indices: 0 and 1 for binary work, such as (mask > 127).astype(np.uint8)",
            )
        if not any(sample.mask.any() for sample in samples):
            fail(f"no mask of split {split!r} has an object", "check the masks' scale: bytes above 127 become 1")
        if all(sample.image.max() <= 1 for sample in samples):
            fail(f"images of split {split!r} are black", "return bytes from 0 to 255, not numbers from 0 to 1")


def check_ids_are_unique(subject: Subject) -> None:
    """Ids are unique in their split, and can name files."""
    for split, dataset in _splits(subject):
        ids = [_item(dataset, index).id for index in _some(dataset)]
        if len(set(ids)) < len(ids):
            twice = next(each for each in ids if ids.count(each) > 1)
            fail(f"two samples of split {split!r} are called {twice!r}", "name each after its file, folders too")
        for each in ids:
            if PurePosixPath(each).is_absolute() or ".." in PurePosixPath(each).parts:
                fail(f"the id {each!r} leads out of a folder", "name each by its path within the set")


def check_same_item_twice(subject: Subject) -> None:
    """An item is a function of its index: the same when it is asked for again, in another order, from another one.

    Augmentation is not a data set's business: draw nothing at random but from the index.
    """
    for split, dataset in _splits(subject):
        indices = _some(dataset, 4)
        first = [_copied(_item(dataset, index)) for index in indices]
        _item(dataset, indices[0]).image.fill(7)  # whoever gets an array may change it
        torch.manual_seed(1)
        np.random.seed(1)  # noqa: NPY002
        other = subject.build(split=split)
        again = {index: (_item(dataset, index), _item(other, index)) for index in reversed(indices)}
        for index, expected in zip(indices, first, strict=True):
            for found in again[index]:
                if not _equal(expected, found):
                    fail(
                        f"item {index} of split {split!r} is another when it is asked for again",
                        "let it follow from the index alone, and give out copies of what is kept",
                    )


def check_end_of_the_set(subject: Subject) -> None:
    """An index beyond the end raises ``IndexError``, by which Python's loops end; a ``fresh`` set has no end."""
    for split, dataset in _splits(subject):
        if getattr(dataset, "fresh", False):
            with failing(f"item {len(dataset) + 3} of a fresh set can't be had", "make one for any index from 0 on"):
                dataset[len(dataset) + 3]
            continue
        try:
            dataset[len(dataset)]
        except IndexError:
            continue
        except Exception as error:  # noqa: BLE001  (it is the finding)
            fail(f"an index beyond the end of split {split!r} raises {told(error)}", "raise IndexError")
        fail(f"split {split!r} gives an item beyond its end", "raise IndexError for an index that is not below len")


def check_in_a_worker(subject: Subject) -> None:
    """A loader's worker, started anew and handed the set by pickling, gives the same items."""
    for split, dataset in _splits(subject):
        with failing(f"split {split!r} can't be pickled", "hold no open file, lambda or lock: open files when asked"):
            pickle.loads(pickle.dumps(dataset))  # noqa: S301  (what was just written)
    subject.needs("processes")
    dataset = subject.build()
    indices = _some(dataset, 2)
    with failing("a new process gives no items", "hold only what can be pickled and imported again"):
        (found,) = call_elsewhere(items_of, dataset, indices)
    for index, sample in zip(indices, found, strict=True):
        if not _equal(_item(dataset, index), sample):
            fail(f"item {index} is another in a worker", "let it follow from the index alone")


def check_train_and_test_are_disjoint(subject: Subject) -> None:
    """No image of the test split is in the training split."""
    splits = dict(_splits(subject))
    if "test" not in splits:
        skip("there is no test split here")
    names = {"train": {}, "test": {}}  # type: dict[str, dict[str, str]]
    for split, found in names.items():
        for index in _some(splits[split], 4 * MOST):
            sample = _item(splits[split], index)
            found[hashlib.sha256(sample.image.tobytes()).hexdigest()] = sample.id
    if shared := names["train"].keys() & names["test"].keys():
        which = names["test"][next(iter(shared))]
        fail(f"{len(shared)} images are in train and test, such as {which!r}", "read each split from files of its own")


def check_strata(subject: Subject) -> None:
    """``strata()``, if it has it, gives a label for each item of the training split."""
    dataset = subject.build()
    if not hasattr(dataset, "strata"):
        skip("it has no strata")
    with failing("strata() fails", "return a label for each item"):
        labels = list(dataset.strata())
    if len(labels) != len(dataset):
        fail(f"strata() gives {len(labels)} labels for {len(dataset)} items", "return a label for each item")


def check_a_missing_folder_is_told(subject: Subject) -> None:
    """A folder that is not there is told by ``problems()`` of the options, or by a ``frame.UserError``."""
    model = subject.options_class
    fields = {name: each for name, each in model.model_fields.items() if each.annotation is Path} if model else {}
    if not fields:
        skip("it reads no folder")
    nowhere = subject.folder / "nowhere"
    read = min(fields, key=lambda name: not fields[name].is_required())  # what has a default may be there to be written
    values = {**subject.part.keywords(), read: nowhere}
    assert model is not None  # noqa: S101
    options = model.model_construct(**values)
    if list(options.problems()):
        return
    try:
        subject.entry.load_target()(split="train", **values)
    except UserError:
        return
    except Exception as error:  # noqa: BLE001  (it is the finding)
        fail(f"a folder that is not there ends in {told(error)}", "yield a message from problems() of the options")
    fail("a folder that is not there is not noticed", "yield a message from problems() of the options")


CHECKS = (
    check_length,
    check_samples,
    check_ranges,
    check_ids_are_unique,
    check_same_item_twice,
    check_end_of_the_set,
    check_in_a_worker,
    check_train_and_test_are_disjoint,
    check_strata,
    check_a_missing_folder_is_told,
)


def _splits(subject: Subject) -> Iterator[tuple[str, Any]]:
    """The splits that there are: train, validation if it has one of its own, and test unless it says it has none."""
    train = subject.build(split="train")
    yield "train", train
    if getattr(train, "has_validation", False):
        yield "validation", subject.build(split="validation")
    try:
        test = subject.build_or_raise(split="test")
    except UserError:  # it says that there is none
        return
    except CheckSkippedError:
        raise
    except Exception as error:  # noqa: BLE001  (it is the finding)
        fail(f"split 'test' can't be built: {told(error)}", "mend it, or raise frame.UserError if there is none")
    yield "test", test


def _some(dataset: Any, most: int = MOST) -> list[int]:
    """Indices from the whole of a set, its ends among them."""
    try:
        length = len(dataset)
    except TypeError:
        skip("it has no length, see check_length")
    if length < 1:
        skip("it is empty, see check_length")
    return sorted({round(place) for place in np.linspace(0, length - 1, min(most, length))})


def _item(dataset: Any, index: int) -> Sample:
    try:
        sample = dataset[index]
    except Exception as error:
        raise CheckSkippedError(f"item {index} can't be had, see check_samples ({told(error)})") from error
    if not isinstance(sample, Sample) or not all(isinstance(each, np.ndarray) for each in sample[:2]):
        skip("its items are no frame.Sample of arrays, see check_samples")
    return sample


def _copied(sample: Sample) -> Sample:
    return Sample(sample.image.copy(), sample.mask.copy(), sample.id)


def _equal(one: Sample, other: Sample) -> bool:
    return np.array_equal(one.image, other.image) and np.array_equal(one.mask, other.mask) and one.id == other.id
