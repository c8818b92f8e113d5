from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from frame import UserError


def test_transforms_are_what_the_config_names(augmentation, sample):
    out = augmentation("[{name = 'HorizontalFlip', p = 1.0}]")(**sample)
    assert np.array_equal(out["image"], sample["image"][:, ::-1])
    assert np.array_equal(out["mask"], sample["mask"][:, ::-1])


def test_no_transforms_change_nothing(augmentation, sample):
    assert np.array_equal(augmentation("[]")(**sample)["image"], sample["image"])


def test_a_crop_gets_the_training_size_unless_it_says_its_own(augmentation, sample):
    assert augmentation("[{name = 'RandomResizedCrop'}]")(**sample)["image"].shape == (64, 64, 3)
    assert augmentation("[{name = 'RandomCrop', height = 32, width = 48}]")(**sample)["image"].shape == (32, 48, 3)


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        ("[{name = 'HorizontalFlp'}]", r"transforms\[0\].*no transform 'HorizontalFlp'; did you mean HorizontalFlip"),
        (
            "[{name = 'Blur'}, {name = 'ColorJitter', brightnes = 0.2}]",
            r"\[1\]\.brightnes: .*mean brightness",
        ),
        ("[{name = 'ColorJitter', hue = 'blue'}]", r"transforms\[0\] \(ColorJitter\): hue: .* got 'blue'"),
        ("[{name = 'RandomSizedCrop'}]", r"min_max_height: Field required"),
        ("[{name = 'OneOf'}]", r"missing 1 required positional argument: 'transforms'"),
        (
            "[{name = 'OneOf', transforms = [{name = 'Nope'}]}]",
            r"\[0\]\.transforms\[0\]: .* no transform 'Nope'",
        ),
        ("[{name = 'OneOf', transforms = [{p = 1.0}]}]", r"\[0\]\.transforms\[0\]: .* no transform ''"),
        ("[{name = 'Normalize'}]", "Frame normalises images"),
        ("[{name = 'Normalize', p = 0.001}]", "Frame normalises images"),
        (
            "[{name = 'OneOf', transforms = [{name = 'Sequential', transforms = [{name = 'ToFloat'}]}]}]",
            "Frame normalises images",
        ),
        ("[{name = 'OneOf', transforms = [{name = 'Blur', p = 0.0}]}]", r"transforms\[0\] \(OneOf\): .*zero"),
        ("[{name = 'OneOrOther', first = {name = 'Nope'}}]", r"\[0\]\.first: .* no transform 'Nope'"),
        (
            "[{name = 'Blur'}, {name = 'Rotate', mask_interpolation = 1}]",
            r"\[1\]\.mask_interpolation: a mask holds numbers of classes",
        ),
        ("[{name = 'Blur', blur_limit = [4, 6]}]", r"\(Blur\): .*must be odd"),
        ("[{name = 'RandomCrop', height = 500, width = 500}]", "fails on an image of 64 x 64: .*500"),
        ("[{p = 0.5}]", "transforms: entry 0 needs the name of a transform"),
        ("['HorizontalFlip']", "expected a table"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(augmentation, transforms, message):
    with pytest.raises(UserError, match=message):
        augmentation(transforms)


def test_options_import_nothing_heavy():
    code = """
import sys, frame_augmentation.options, frame_augmentation.plugin
assert not {"albumentations", "numpy", "cv2"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
