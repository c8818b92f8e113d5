"""From samples to batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from frame import Sample, UserError
from frame.data.pipeline import (
    Subset,
    TrainingSamples,
    ValidationSamples,
    batches,
    normalized,
    resized,
    target,
    training_loader,
    validation_loader,
)


class Numbers:
    """Images whose value is their index; ``fresh`` as a data set may be."""

    def __init__(self, length: int, *, fresh: bool = False) -> None:
        self.length, self.fresh = length, fresh

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        height = 6 + index % 3
        mask = np.zeros((height, 8), np.uint8)
        mask[: height // 2] = 1
        return Sample(np.full((height, 8, 3), index, np.uint8), mask, str(index))


class Noise:
    """A transform that shows its seed."""

    def set_random_seed(self, seed: int | None) -> None:
        self.seed = seed

    def __call__(self, *, image, mask):
        return {"image": np.full_like(image, np.uint8(self.seed % 251)), "mask": mask[:-2, :-2]}


class Damaged(Numbers):
    """One item can't be read."""

    def __getitem__(self, index: int) -> Sample:
        if index == 3:
            raise UserError("three.png is damaged")
        return super().__getitem__(index)


CPU = torch.device("cpu")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sample_that_cannot_be_had_is_one_message_from_a_worker_too(workers: int) -> None:
    subset = Subset(Damaged(5))
    for loader in (
        training_loader(TrainingSamples(subset, 4, None, 1), 2, workers, CPU),
        validation_loader(ValidationSamples(subset, 4), 2, workers, CPU),
    ):
        with pytest.raises(UserError, match=r"^three\.png is damaged$"):
            list(batches(loader))


def values(loader, epoch: int) -> list[list[int]]:
    loader.batch_sampler.epoch = epoch
    return [batch.images[:, 0, 0, 0].tolist() for batch in loader]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_is_the_same_for_any_number_of_workers(workers: int) -> None:
    loaders = [training_loader(TrainingSamples(Subset(Numbers(7)), 4, Noise(), 1), 3, n, CPU) for n in (0, workers)]
    first, again, next_epoch = values(loaders[0], 0), values(loaders[1], 0), values(loaders[1], 1)
    assert first == again
    assert first != next_epoch


def test_a_fresh_set_never_gives_an_image_twice() -> None:
    loader = training_loader(TrainingSamples(Subset(Numbers(5, fresh=True)), 4, None, 1), 2, 0, CPU)
    seen = [value for epoch in range(3) for batch in values(loader, epoch) for value in batch]
    assert sorted(seen) == list(range(15))


def test_a_subset_gives_its_own_items_in_every_epoch() -> None:
    subset = Subset(Numbers(9, fresh=True), np.array([2, 4, 8]))
    loader = training_loader(TrainingSamples(subset, 4, None, 1), 2, 0, CPU)
    for epoch in range(2):
        assert sorted(value for batch in values(loader, epoch) for value in batch) == [2, 4, 8]


def test_what_a_transform_cuts_off_is_resized_again() -> None:
    image, mask, _ = TrainingSamples(Subset(Numbers(3)), 16, Noise(), 1)[0, 1]
    assert image.shape == (16, 16, 3)
    assert mask.shape == (16, 16)
    assert set(np.unique(mask)) == {0, 1}


def test_validation_keeps_the_sample_at_its_own_size() -> None:
    loader = validation_loader(ValidationSamples(Subset(Numbers(5)), 4), 2, 0, CPU)
    samples = [sample for batch in loader for sample in batch.samples]
    assert [sample.id for sample in samples] == list("01234")
    assert samples[2].mask.shape == (8, 8)
    assert next(iter(loader)).images.shape == (2, 4, 4, 3)


def test_masks_are_resized_without_new_values() -> None:
    mask = np.random.default_rng(0).choice(np.array([0, 3, 255], np.uint8), (37, 53))
    assert set(np.unique(resized(mask, 16, mask=True))) <= {0, 3, 255}


def test_normalisation_is_imagenets() -> None:
    images = torch.randint(0, 256, (2, 5, 4, 3), dtype=torch.uint8)
    found = normalized(images)
    assert found.shape == (2, 3, 5, 4)
    expected = (images[1, 3, 2].double() / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor(
        [0.229, 0.224, 0.225]
    )
    torch.testing.assert_close(found[1, :, 3, 2].double(), expected, rtol=1e-5, atol=1e-5)


def test_targets_have_the_form_of_their_task() -> None:
    masks = torch.tensor([[[0, 1], [1, 0]]], dtype=torch.uint8)
    assert (target(masks, 1).shape, target(masks, 1).dtype) == ((1, 1, 2, 2), torch.float32)
    assert (target(masks, 3).shape, target(masks, 3).dtype) == ((1, 2, 2), torch.int64)


class Values(Numbers):
    """Masks of one value each: item 0 of 0, item 1 of 1, then 2, 254 and 255."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return sample._replace(mask=np.full_like(sample.mask, (0, 1, 2, 254, 255)[index]))


@pytest.mark.parametrize(
    ("num_classes", "refused", "wanted"),
    [(1, {2, 3, 4}, "0 and 1"), (2, {2, 3}, "0 to 1"), (3, {3}, "0 to 2, and 255")],
)
def test_a_mask_that_holds_no_class_is_refused_by_name(num_classes: int, refused: set[int], wanted: str) -> None:
    subset = Subset(Values(5), num_classes=num_classes)
    training, validation = TrainingSamples(subset, 4, None, 1), ValidationSamples(subset, 4)
    found = {number for number in range(5) if isinstance(training[0, number], UserError)}
    assert found == {number for number in range(5) if isinstance(validation[0, number], UserError)} == refused
    assert f"the mask of 3 holds 254, which is no class: a data set has to give {wanted}" in str(training[0, 3])
