"""What can be wrong with a data set."""

from __future__ import annotations

from tests.testing.fault import fault

SAMPLE = "return Sample(image, mask, file.stem)"
FILES = 'self.files = sorted((root / split).glob("*.npz"))'

FAULTS = (
    fault(
        "a mask of 0 and 255",
        "ranges",
        r"masks of split 'train' hold \[255\]; return class indices",
        (SAMPLE, "return Sample(image, mask * 255, file.stem)"),
    ),
    fault(
        "a mask that lost its objects",
        "ranges",
        r"no mask of split 'train' has an object; check the masks' scale",
        (SAMPLE, "return Sample(image, (mask > 127).astype(np.uint8), file.stem)"),
    ),
    fault(
        "an image from 0 to 1 as bytes",
        "ranges",
        r"images of split 'train' are black; return bytes from 0 to 255",
        (SAMPLE, "return Sample((image / 255).astype(np.uint8), mask, file.stem)"),
    ),
    fault(
        "an image of floats",
        "samples",
        r"the image of item 0 of split 'train' is float64; return bytes",
        (SAMPLE, "return Sample(image / 255, mask, file.stem)"),
    ),
    fault(
        "channels first",
        "samples",
        r"the image of item 0 .* has the shape \(3, 48, 48\); return \[H, W, 3\]",
        (SAMPLE, "return Sample(image.transpose(2, 0, 1), mask, file.stem)"),
    ),
    fault(
        "a tuple",
        "samples",
        r"item 0 of split 'train' is a tuple; return frame.Sample",
        (SAMPLE, "return image, mask"),
    ),
    fault(
        "a mask of another size",
        "samples",
        r"image and mask of item 0 .* are \(48, 48\) and \(24, 24\); let both fit",
        (SAMPLE, "return Sample(image, mask[::2, ::2], file.stem)"),
    ),
    fault(
        "augmentation in the data set",
        "same_item_twice",
        r"item 0 of split 'train' is another when it is asked for again; let it follow from the index",
        (SAMPLE, "return Sample(np.roll(image, np.random.randint(1, 40), 0), mask, file.stem)"),
    ),
    fault(
        "arrays that are kept and given out",
        "same_item_twice",
        r"another when it is asked for again; .*give out copies",
        (
            "with np.load(file) as arrays:\n            image, mask = arrays",
            (
                "if index not in self.kept:\n"
                "            arrays = np.load(file)\n"
                "            self.kept[index] = arrays['image'], arrays['mask']\n"
                "        image, mask = self.kept[index]\n"
                "        if False:\n"
                "            image, mask = arrays"
            ),
        ),
        (FILES, FILES + "\n        self.kept = {}"),
    ),
    fault(
        "test images in the training split",
        "train_and_test_are_disjoint",
        r"\d+ images are in train and test, such as .*; read each split from files of its own",
        (FILES, 'self.files = sorted(root.glob("*/*.npz"))'),
    ),
    fault(
        "a test split that fails",
        "length",
        r"split 'test' can't be built: KeyError: 'test' .*; mend it, or raise frame.UserError if there is none",
        (FILES, 'self.files = {"train": sorted((root / split).glob("*.npz"))}[split]'),
    ),
    fault(
        "a set without an end",
        "end_of_the_set",
        r"gives an item beyond its end; raise IndexError",
        ("file = self.files[index]", "file = self.files[index % len(self.files)]"),
    ),
    fault(
        "another error at the end",
        "end_of_the_set",
        r"beyond the end of split 'train' raises KeyError: 6.*; raise IndexError",
        (FILES, 'self.files = dict(enumerate(sorted((root / split).glob("*.npz"))))'),
    ),
    fault(
        "ids that are all one",
        "ids_are_unique",
        r"two samples of split 'train' are called 'image'; name each after its file",
        (SAMPLE, 'return Sample(image, mask, "image")'),
    ),
    fault(
        "an id that leads out of a folder",
        "ids_are_unique",
        r"leads out of a folder; name each by its path within the set",
        (SAMPLE, "return Sample(image, mask, str(file))"),
    ),
    fault(
        "a lambda that no worker gets",
        "in_a_worker",
        r"split 'train' can't be pickled: .*; hold no open file, lambda or lock",
        (FILES, FILES + "\n        self.key = lambda file: file.stem"),
    ),
    fault(
        "a missing folder that is not noticed",
        "a_missing_folder_is_told",
        r"a folder that is not there is not noticed; yield a message from problems",
        ("if not self.root.is_dir():", "if False:"),
    ),
    fault(
        "a length that is 0",
        "length",
        r"split 'train' is empty; raise frame.UserError",
        ('glob("*.npz")', 'glob("*.png")'),
    ),
    fault(
        "labels for some items",
        "strata",
        r"strata\(\) gives 2 labels for 6 items; return a label for each",
        ("    def __len__(self)", "    def strata(self):\n        return ['a', 'b']\n\n    def __len__(self)"),
    ),
    fault(
        "an option called as Frame's own",
        "options_leave_frames_names_alone",
        r"option 'size' is a setting of Frame .*; rename the option",
        (
            '    """The folder with a folder for each split."""\n',
            '    """The folder."""\n    size: int = 32\n    """Of images."""\n',
        ),
        ("def __init__(self, *, split, root):", "def __init__(self, *, split, root, size=32):"),
    ),
)
