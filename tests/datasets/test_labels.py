"""Masks of many classes: what a file says, and what none may say."""

from __future__ import annotations

import pickle
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from frame import UserError
from frame_datasets.folder import Folder
from frame_datasets.labels import Labels, write_labels
from frame_datasets.options import FolderOptions

CLASSES = ("background", "cat", "dog", "owl")
INDICES = np.array([[0, 1, 2, 3], [3, 255, 0, 1]], np.uint8)
COLOURS = ((0, 0, 0), (128, 0, 0), (0, 128, 0), (200, 200, 200))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "mask.png"


ALIKE = (0, 0, 0, 9, 9, 9, 9, 9, 9, 255, 255, 255)


def by_pillow(file, indices, colours=ALIKE * 64, **settings):
    image = Image.fromarray(indices)
    image.putpalette(list(colours))  # whose length tells how many bits are written
    image.save(file, **settings)


def coloured(indices, other=(7, 8, 9)):
    table = np.full((256, 3), other, np.uint8)
    table[: len(COLOURS)] = COLOURS
    return table[indices]


STORED = {
    "grey": lambda file: cv2.imwrite(str(file), INDICES),
    "16-bit grey": lambda file: cv2.imwrite(str(file), INDICES.astype(np.uint16)),
    "a palette in which two classes look alike": lambda file: by_pillow(file, INDICES),
    "a palette with a transparent class": lambda file: by_pillow(file, INDICES, transparency=0),
    "grey in three channels": lambda file: cv2.imwrite(str(file), np.dstack([INDICES] * 3)),
    "grey with alpha": lambda file: Image.fromarray(np.dstack([INDICES, INDICES * 0])).save(file),
    "grey tiff": lambda file: cv2.imwrite(str(file), INDICES),
    "tiff with a palette": lambda file: by_pillow(file, INDICES),
}


@pytest.mark.parametrize("kind", STORED)
def test_a_mask_is_read_by_its_indices_however_they_are_stored(tmp_path, kind):
    file = tmp_path / ("mask.tif" if "tiff" in kind else "mask.png")
    STORED[kind](file)
    mask = Labels(CLASSES).read(str(file))
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, INDICES)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_hold_the_indices_they_say(file, bits):
    indices = INDICES[:1] % (2**bits)
    by_pillow(file, indices, range(3 * 2**bits))
    assert file.read_bytes()[24] == bits
    assert np.array_equal(Labels(CLASSES).read(str(file)), indices)


def test_few_bits_without_a_palette_hold_the_indices_they_say(file):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 1, 2, 0, 0, 0, 0))  # two bits a pixel, grey
    rows = chunk(b"IDAT", zlib.compress(b"\0" + bytes([0b00_01_10_11])))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b""))
    assert Labels(CLASSES).read(str(file)).tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("stored", ["rgb", "rgba", "palette"])
def test_a_palette_in_the_config_tells_classes_by_their_colours(file, stored):
    labels = Labels(CLASSES, COLOURS)
    indices = INDICES[:1]
    if stored == "palette":
        by_pillow(file, 3 - indices, np.array(COLOURS[::-1]).ravel())  # of which the order means nothing
    else:
        pixels = coloured(indices)
        alpha = [indices] if stored == "rgba" else []
        Image.fromarray(np.dstack([pixels, *alpha])).save(file)
    assert np.array_equal(labels.read(str(file)), indices)


def test_a_colour_that_is_no_class_is_named_with_the_remedy(file):
    Image.fromarray(coloured(INDICES)).save(file)
    with pytest.raises(
        UserError, match=r"mask\.png has the colour \[7, 8, 9\], which is not in data\.palette"
    ) as caught:
        Labels(CLASSES, COLOURS).read(str(file))
    assert "data.ignore = [[7, 8, 9]]" in str(caught.value)
    for ignore in ("others", [(7, 8, 9)]):
        assert np.array_equal(Labels(CLASSES, COLOURS, ignore).read(str(file)), INDICES)


def test_an_index_that_is_no_class_is_named_with_the_remedy(file):
    cv2.imwrite(str(file), INDICES)
    with pytest.raises(UserError, match=r"mask\.png holds the class 3, but data\.classes names 3") as caught:
        Labels(CLASSES[:3]).read(str(file))
    assert "data.ignore = [3]" in str(caught.value)
    expected = np.where(INDICES == 3, 255, INDICES)
    for ignore in ("others", [3]):
        assert np.array_equal(Labels(CLASSES[:3], ignore=ignore).read(str(file)), expected)


def test_an_index_of_16_bits_is_not_cut_off(file):
    cv2.imwrite(str(file), INDICES.astype(np.uint16) + 256)
    with pytest.raises(UserError, match="holds the class 256"):
        Labels(CLASSES).read(str(file))


def test_colours_without_a_palette_are_told(file):
    Image.fromarray(coloured(INDICES)).save(file)
    with pytest.raises(UserError, match=r"mask\.png has colours, not indices of classes: .* data\.palette"):
        Labels(CLASSES).read(str(file))


@pytest.mark.parametrize("palette", [None, COLOURS])
def test_a_mask_that_went_through_jpeg_is_refused(tmp_path, palette):
    cv2.imwrite(str(tmp_path / "mask.jpg"), INDICES[:1])
    with pytest.raises(UserError, match=r"mask\.jpg is a JPEG, which blurs one class into another: save .* PNG"):
        Labels(CLASSES, palette).read(str(tmp_path / "mask.jpg"))


def test_black_and_white_masks_of_two_classes_are_told_to_be_binary(file):
    two = CLASSES[:2]
    cv2.imwrite(str(file), np.array([[0, 255]], np.uint8))
    with pytest.raises(UserError, match=r"holds 0 and 255 alone.*take them out.*data\.ignore = \[255\]"):
        Labels(two).read(str(file))
    assert Labels(two, ignore=[255]).read(str(file)).tolist() == [[0, 255]]
    for fine in ([[0, 0]], [[0, 1]], [[1, 255]]):
        cv2.imwrite(str(file), np.array(fine, np.uint8))
        assert Labels(two).read(str(file)).tolist() == fine


def test_the_table_of_colours_does_not_travel_to_workers(file):
    Image.fromarray(coloured(INDICES[:1])).save(file)
    labels = Labels(CLASSES, COLOURS)
    labels.read(str(file))
    sent = pickle.dumps(labels)
    assert len(sent) < 1000
    assert np.array_equal(pickle.loads(sent).read(str(file)), INDICES[:1])  # noqa: S301 - our own bytes


def test_written_indices_read_back_and_show_their_classes(file):
    write_labels(file, INDICES)
    assert np.array_equal(Labels(CLASSES).read(str(file)), INDICES)
    shown = cv2.imread(str(file))
    assert len({tuple(colour) for colour in shown.reshape(-1, 3)}) == 5
    assert shown[0, 1].tolist() == [0, 0, 128]  # blue, green, red


def test_a_folder_with_classes_reads_indices_at_the_size_of_the_image(tmp_path, write_files):
    write_files(tmp_path / "images", ".jpg", "a")  # 4 x 6
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), np.array([[0, 1, 2], [3, 255, 0]], np.uint8))
    data = Folder(split="train", root=tmp_path, classes=CLASSES)
    assert data.describe().endswith(": 1 train pair of 4 classes")
    assert data[0].mask.tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 255, 255, 0, 0]] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ("cat",)}, 'name the background too, \\["background", "cat"\\]'),
        ({"classes": ("a", "b", "a")}, "named twice: a"),
        ({"classes": tuple(map(str, range(255)))}, "hold 254 at most"),
        ({"palette": ((0, 0, 0),)}, "for masks of many classes"),
        ({"classes": ("a", "b"), "palette": ((0, 0, 0),)}, "1 colours for 2 classes"),
        ({"classes": ("a", "b"), "palette": ((0, 0, 0), (0, 0, 0))}, "two classes have one colour"),
        ({"classes": ("a", "b"), "ignore": ((1, 2, 3),)}, r"\[1, 2, 3\] does not fit: colours need a palette"),
        (
            {"classes": ("a", "b"), "palette": COLOURS[:2], "ignore": (3,)},
            "3 does not fit: with a palette, give colours",
        ),
        ({"classes": ("a", "b"), "ignore": (1,)}, "ignore: 1 is a class"),
        ({"classes": ("a", "b"), "palette": COLOURS[:2], "ignore": (COLOURS[1],)}, r"ignore: \[128, 0, 0\] is a class"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FolderOptions(root=Path(), **options)


def test_options_that_fit_together_are_taken():
    assert FolderOptions(root=Path()).classes == ()
    assert FolderOptions(root=Path(), classes=CLASSES, palette=COLOURS, ignore=((1, 1, 1),)).palette == COLOURS
    assert FolderOptions(root=Path(), classes=CLASSES, ignore=(9, 255)).ignore == (9, 255)
    assert FolderOptions(root=Path(), classes=CLASSES, ignore="others").ignore == "others"
