from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys

import numpy as np
from torch.utils.data import DataLoader, Dataset

SEEDS = range(40)


def augmented(pipeline, sample, seed):
    pipeline.set_random_seed(seed)
    return pipeline(**sample)


def same(one, other):
    return all(np.array_equal(one[key], other[key]) for key in ("image", "mask"))


class Augmented(Dataset):
    """Item ``i`` is the sample augmented with seed ``i``."""

    def __init__(self, pipeline, sample):
        self.pipeline, self.sample = pipeline, sample

    def __len__(self):
        return len(SEEDS)

    def __getitem__(self, index):
        return augmented(self.pipeline, self.sample, index)


def test_image_and_mask_keep_their_size_and_type(augmentation, sample):
    pipeline = augmentation()
    for seed in SEEDS:
        out = augmented(pipeline, sample, seed)
        assert out["image"].shape == sample["image"].shape
        assert out["mask"].shape == sample["mask"].shape
        assert out["image"].dtype == out["mask"].dtype == np.uint8
        assert set(np.unique(out["mask"])) <= {0, 1}


def test_the_mask_stays_on_the_object(augmentation, sample):
    pipeline = augmentation()
    for seed in SEEDS:
        out = augmented(pipeline, sample, seed)
        bright = out["image"].min(axis=2) > 110
        assert (bright != (out["mask"] == 1)).mean() < 0.06  # the outline, blurred by interpolation


def test_empty_masks_stay_empty(augmentation, sample):
    pipeline = augmentation()
    blank = sample | {"mask": np.zeros_like(sample["mask"])}
    assert not any(augmented(pipeline, blank, seed)["mask"].any() for seed in SEEDS)


def test_a_call_follows_from_its_seed_alone(augmentation, sample):
    first, second = augmentation(), augmentation()
    forth = [augmented(first, sample, seed) for seed in SEEDS]
    back = [augmented(second, sample, seed) for seed in reversed(SEEDS)][::-1]
    assert all(same(one, other) for one, other in zip(forth, back, strict=True))
    assert len({out["image"].tobytes() for out in forth}) > 0.8 * len(SEEDS)


def test_a_loaders_workers_give_what_the_main_process_gives(augmentation, sample):
    dataset = Augmented(augmentation(), sample)
    for index, out in enumerate(DataLoader(dataset, batch_size=None, num_workers=2)):
        assert same({key: value.numpy() for key, value in out.items()}, dataset[index])


def test_a_process_started_afresh_gives_the_same_and_asks_no_network(augmentation, sample):
    code = """
import hashlib, os, pickle, sys
asked = []
sys.addaudithook(lambda event, _: asked.append(event) if event in ("socket.getaddrinfo", "socket.connect") else None)
pipeline, sample = pickle.load(sys.stdin.buffer)
assert not asked, asked
assert "NO_ALBUMENTATIONS_UPDATE" not in os.environ  # as it was: other processes and libraries see the environment
for seed in range(40):
    pipeline.set_random_seed(seed)
    print(hashlib.sha256(pipeline(**sample)["image"].tobytes()).hexdigest())
"""
    environment = {key: value for key, value in os.environ.items() if key != "NO_ALBUMENTATIONS_UPDATE"}
    pipeline = augmentation()
    given = pickle.dumps((pipeline, sample))
    there = subprocess.run([sys.executable, "-c", code], input=given, stdout=-1, check=True, env=environment).stdout
    here = [hashlib.sha256(augmented(pipeline, sample, seed)["image"].tobytes()).hexdigest() for seed in SEEDS]
    assert there.decode().split() == here


def test_a_pickled_pipeline_does_the_same(augmentation, sample):
    pipeline = augmentation()
    copy = pickle.loads(pickle.dumps(pipeline))  # noqa: S301
    assert all(same(augmented(pipeline, sample, seed), augmented(copy, sample, seed)) for seed in SEEDS)


def test_transforms_draw_independently_of_each_other(augmentation, sample):
    pipeline = augmentation("[{name = 'HorizontalFlip', p = 0.5}, {name = 'VerticalFlip', p = 0.5}]")
    kinds = {augmented(pipeline, sample, seed)["mask"].tobytes() for seed in SEEDS}
    assert len(kinds) == 4  # neither, each alone, both


def test_what_a_group_draws_follows_from_the_seed_too(augmentation, sample):
    text = (
        "[{name = 'OneOf', p = 1.0, transforms = [{name = 'HorizontalFlip', p = 1.0}, {name = 'GaussNoise', p = 1.0}]}]"
    )
    first, second = augmentation(text), augmentation(text)
    assert all(same(augmented(first, sample, seed), augmented(second, sample, seed)) for seed in SEEDS)
    assert len({augmented(first, sample, seed)["mask"].tobytes() for seed in SEEDS}) == 2
