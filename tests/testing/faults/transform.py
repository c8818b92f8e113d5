"""What can be wrong with a transform."""

from __future__ import annotations

from tests.testing.fault import fault

FLIP = "image, mask = image[:, ::-1], mask[:, ::-1]"
RETURN = 'return {"image": image.copy(), "mask": mask.copy()}'

FAULTS = (
    fault(
        "a flip of the image alone",
        "image_and_mask_stay_aligned",
        r"in other places in image and mask for \d+ of 48 seeds.*; do to the mask what moves the image",
        (FLIP, "image = image[:, ::-1]"),
    ),
    fault(
        "turns by other numbers",
        "image_and_mask_stay_aligned",
        r"with the same random numbers",
        ("np.rot90(mask, turns)", "np.rot90(mask, int(self.rng.integers(4)))"),
    ),
    fault(
        "a shift of the image alone",
        "image_and_mask_stay_aligned",
        r"in other places in image and mask",
        (RETURN, "image = np.roll(image, int(self.rng.integers(-14, 14)), 1)\n        " + RETURN),
    ),
    fault(
        "an interpolated mask",
        "mask_keeps_its_values",
        r"a mask of \[0, 7, 100, 107, 255\] holds \d+ after it .*; interpolate masks by nearest neighbours",
        (RETURN, "mask = (mask // 2 + np.roll(mask, 1, 0) // 2).astype(np.uint8)\n        " + RETURN),
    ),
    fault(
        "numpy's own random numbers",
        "seed_decides",
        r"the same seed gives another result the second time .*; draw all random numbers from a generator",
        ("self.rng.random() < 0.5", "np.random.rand() < 0.5"),
    ),
    fault(
        "a seed that is not taken",
        "seed_decides",
        r"from a generator that set_random_seed starts anew",
        ("        self.rng = np.random.default_rng(seed)\n", "        pass\n"),
    ),
    fault(
        "a normalised image",
        "result",
        r"its image is float64; leave normalisation and tensors to Frame",
        (RETURN, 'return {"image": image / 255, "mask": mask.copy()}'),
    ),
    fault(
        "a mask with a channel",
        "result",
        r"its mask has the shape \(64, 64, 1\); keep the dimensions",
        (RETURN, 'return {"image": image.copy(), "mask": mask[..., None]}'),
    ),
    fault(
        "a crop of the image alone",
        "result",
        r"its image is \(48, 48\), its mask \(64, 64\); do the same to both",
        (RETURN, 'return {"image": image[:48, :48].copy(), "mask": mask.copy()}'),
    ),
    fault(
        "a tuple",
        "result",
        r"returns a tuple without image or mask; return a dict with both",
        (RETURN, "return image.copy(), mask.copy()"),
    ),
    fault(
        "arrays that are changed",
        "input_is_left_alone",
        r"changes the arrays that it is given .*; work on copies",
        ("        turns, flips", "        image[:4] = 0\n        turns, flips"),
    ),
    fault(
        "a lambda that no worker gets",
        "pickles",
        r"can't be pickled: .*; hold no lambda",
        ("        self.dark = dark\n", "        self.dark = dark\n        self.act = lambda x: x\n"),
    ),
)
