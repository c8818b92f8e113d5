"""Every transform that albumentations has, by its name: it works and keeps masks right, or is refused with a reason."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib

import albumentations as A
import cv2
import numpy as np
import pytest

from frame import UserError

SIZE = 64

SEEDS = range(12)
ARGUMENTS = {  # of those that need some, or by their own defaults would do nothing to a small image
    "Affine": "rotate = [-20, 20], scale = [0.8, 1.2]",
    "AtLeastOneBBoxRandomCrop": "height = 40, width = 30",
    "CenterCrop": "height = 40, width = 30",
    "ConstrainedCoarseDropout": "mask_indices = [1], hole_height_range = [0.2, 0.3]",
    "Crop": "x_min = 5, y_min = 3, x_max = 50, y_max = 60",
    "CropAndPad": "percent = [-0.1, 0.1]",
    "CropNonEmptyMaskIfExists": "height = 40, width = 30",
    "GridElasticDeform": "num_grid_xy = [4, 4], magnitude = 6",
    "LongestMaxSize": "max_size = 48",
    "Pad": "padding = 8",
    "PadIfNeeded": "min_height = 96, min_width = 80",
    "RandomCrop": "height = 40, width = 30",
    "RandomSizedCrop": "min_max_height = [20, 40]",
    "Resize": "height = 40, width = 30",
    "SmallestMaxSize": "max_size = 48",
    "XYMasking": "num_masks_x = 2, num_masks_y = 1, mask_x_length = 4, mask_y_length = 6",
}
REFUSED = {
    "BBoxSafeRandomCrop": "needs 'bboxes'",
    "CenterCrop3D": "size: Field required",
    "CoarseDropout3D": "needs 'volume'",
    "CubicSymmetry": "needs 'volume'",
    "FDA": "fda_metadata",
    "FromFloat": "makes the image float16",
    "HistogramMatching": "hm_metadata",
    "Mosaic": "mosaic_metadata",
    "Normalize": "makes the image float32",
    "OverlayElements": "overlay_metadata",
    "Pad3D": "padding: Field required",
    "PadIfNeeded3D": "min_zyx",
    "PixelDistributionAdaptation": "pda_metadata",
    "RandomCrop3D": "size: Field required",
    "RandomCropNearBBox": "cropping_bbox",
    "RandomSizedBBoxSafeCrop": "needs 'bboxes'",
    "TextImage": "font_path: Field required",
    "ToFloat": "makes the image float32",
    "ToTensorV2": "torch.uint8",
}
WITHOUT_EFFECT = {"Lambda", "NoOp", "ToRGB", "ToTensor3D"}  # without functions of Python's; on what is RGB; on images
BASES = {"BaseCompose", "BasicTransform", "DualTransform", "ImageOnlyTransform", "Transform3D"}
CONTENT = {  # change what is seen at a place and leave the mask, or take from the mask what they took from the image
    "CoarseDropout",
    "ConstrainedCoarseDropout",
    "Erasing",
    "FrequencyMasking",
    "GridDropout",
    "MaskDropout",
    "Morphological",
    "PixelDropout",
    "TimeMasking",
    "XYMasking",
}
KINDS = {name: kind for name, kind in vars(A).items() if isinstance(kind, type) and name not in BASES}
SINGLE = sorted(name for name, kind in KINDS.items() if issubclass(kind, A.BasicTransform))
WORKING = sorted({*SINGLE} - {*REFUSED})
GROUPS = sorted(name for name, kind in KINDS.items() if issubclass(kind, A.BaseCompose))


def table(name: str, more: str = "p = 1.0") -> str:
    inner = "{name = 'HorizontalFlip', p = 1.0}, {name = 'GaussNoise', p = 1.0}"
    arguments = [f"name = '{name}'", *filter(None, [ARGUMENTS.get(name)]), more]
    return "{" + ", ".join([*arguments, f"transforms = [{inner}]"] if name in GROUPS else arguments) + "}"


@pytest.fixture
def scene() -> dict[str, np.ndarray]:
    """An ellipse off the centre, bright on dark; the mask's classes are 1 for it, 0, and 255 for two corners."""
    image = np.random.default_rng(0).integers(20, 50, (SIZE, SIZE, 3), dtype=np.uint8)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(mask, (26, 30), (16, 11), 20, 0, 360, 1, -1)
    image[mask == 1] += 180
    mask[:8, -8:] = mask[-8:, :8] = 255
    return {"image": image, "mask": mask}


def draws(pipeline, scene):
    for seed in SEEDS:
        pipeline.set_random_seed(seed)
        yield pipeline(**scene)


@pytest.mark.filterwarnings("ignore:Neither valid mask|The image is already an RGB:UserWarning")
@pytest.mark.parametrize("name", WORKING)
def test_it_works_by_name_and_its_mask_stays_on_the_object(augmentation, scene, name):
    changed = False
    for out in draws(augmentation(f"[{table(name)}]"), scene):
        image, mask = out["image"], out["mask"]
        assert (image.dtype, mask.dtype, image.shape) == (np.uint8, np.uint8, (*mask.shape, 3))
        assert set(np.unique(mask)) <= {0, 1, 255}
        same_image, same_mask = (np.array_equal(out[key], scene[key]) for key in ("image", "mask"))
        changed |= not same_image
        if issubclass(KINDS[name], A.ImageOnlyTransform):
            assert same_mask
        elif name not in CONTENT:
            counted = mask != 255
            assert ((image.min(axis=2) > 130) != (mask == 1))[counted].mean() < 0.05  # the outline, interpolated
    assert changed != (name in WITHOUT_EFFECT)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_work_on_an_image_with_a_mask_is_refused(augmentation, name):
    with pytest.raises(UserError, match=f"^augmentation.*{REFUSED[name]}"):
        augmentation(f"[{table(name)}]")


@pytest.mark.parametrize("name", sorted(BASES))
def test_a_base_of_transforms_is_none(augmentation, name):
    with pytest.raises(UserError, match=f"no transform '{name}'"):
        augmentation(f"[{{name = '{name}'}}]")


@pytest.mark.parametrize("name", GROUPS)
def test_groups_hold_groups_and_follow_from_the_seed(augmentation, scene, name):
    channels = ", channels = [0, 1, 2]" if name == "SelectiveChannelTransform" else ""
    parts = ["{name = 'RandomRotate90', p = 0.7}", "{name = 'GaussNoise', p = 0.7}"]
    if name == "SelectiveChannelTransform":  # knows only the image
        parts[0] = "{name = 'Blur', p = 0.7}"
    deep = ", ".join(
        [
            f"{{name = 'OneOf', p = 0.9, transforms = [{', '.join(parts)}]}}",
            f"{{name = 'Sequential', p = 0.9, transforms = [{', '.join(parts[::-1])}]}}",
        ]
    )
    text = f"[{{name = '{name}', p = 0.9, transforms = [{deep}]{channels}}}, {{name = 'RandomGamma', p = 0.5}}]"
    first, second = augmentation(text), augmentation(text)
    found = list(draws(first, scene))
    list(draws(second, scene))  # its state is another now
    for out, again in zip(found, draws(second, scene), strict=True):
        assert np.array_equal(out["image"], again["image"])
        assert np.array_equal(out["mask"], again["mask"])
        assert set(np.unique(out["mask"])) <= {0, 1, 255}
    assert len({out["image"].tobytes() for out in found}) > len(SEEDS) / 2


def test_one_or_other_takes_its_two_by_name_too(augmentation, scene):
    flips = "first = {name = 'HorizontalFlip'}, second = {name = 'VerticalFlip'}"
    masks = {out["mask"].tobytes() for out in draws(augmentation(f"[{{name = 'OneOrOther', {flips}}}]"), scene)}
    assert masks == {np.ascontiguousarray(scene["mask"][flip]).tobytes() for flip in (np.s_[:, ::-1], np.s_[::-1])}


@pytest.mark.filterwarnings("ignore:Neither valid mask|The image is already an RGB:UserWarning")
def test_every_transform_draws_the_same_in_another_process(augmentation, scene, tmp_path):
    """Whatever the order of calls, the hashes of strings, the threads of cv2 and the global generators."""
    code = """
import hashlib, json, random, sys, warnings
import cv2, numpy as np
from frame_augmentation.pipeline import albumentations
warnings.simplefilter("ignore")
cv2.setNumThreads(0)  # as in a worker
scene = dict(np.load(sys.argv[1]))
for name, transforms in reversed(json.load(sys.stdin).items()):
    pipeline = albumentations(size=64, transforms=transforms)
    found = []
    for seed in (3, 2, 1, 0):
        np.random.seed(seed + 50), random.seed(seed + 60)
        pipeline.set_random_seed(seed)
        out = pipeline(**scene)
        found.append(hashlib.sha256(out["image"].tobytes() + out["mask"].tobytes()).hexdigest())
    print(name, *reversed(found))
"""
    np.savez(tmp_path / "scene.npz", **scene)
    pipelines = {name: augmentation(f"[{table(name)}]") for name in WORKING}
    tables = {name: tomllib.loads(f"t = [{table(name)}]")["t"] for name in WORKING}
    command = [sys.executable, "-c", code, str(tmp_path / "scene.npz")]
    there = subprocess.run(command, input=json.dumps(tables), text=True, stdout=subprocess.PIPE, check=True).stdout
    expected = {name: digests for name, *digests in map(str.split, there.splitlines())}
    for name, pipeline in pipelines.items():
        found = []
        for seed in range(4):
            pipeline.set_random_seed(seed)
            out = pipeline(**scene)
            found.append(hashlib.sha256(out["image"].tobytes() + out["mask"].tobytes()).hexdigest())
        assert found == expected[name], name
