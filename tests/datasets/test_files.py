from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from frame import UserError
from frame.data.files import read_mask, read_pair, write_image, write_mask

OBJECT = np.array([[0, 1, 1], [0, 0, 1]], np.uint8)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def palette_png(indices, colours):
    """A PNG with a palette, which OpenCV can read but not write."""
    height, width = indices.shape
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"PLTE", bytes(colours))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def turned_by_camera(jpeg, orientation):
    """A JPEG with the EXIF note that a camera leaves when it was held upright."""
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + b"\0\0\0\0"
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


MODES = {
    "grey": OBJECT * 255,
    "grey, just above and at the limit": np.where(OBJECT, 129, 128).astype(np.uint8),
    "16-bit": OBJECT.astype(np.uint16) * 65535,
    "16-bit, just above and at the limit": np.where(OBJECT, 128 * 257 + 1, 128 * 257).astype(np.uint16),
    "white on black in colour": np.dstack([OBJECT * 255] * 3),
    "blue on black": np.dstack([OBJECT * 255, OBJECT * 0, OBJECT * 0]),
    "red on black": np.dstack([OBJECT * 0, OBJECT * 0, OBJECT * 255]),
    "opaque": np.dstack([OBJECT * 255] * 3 + [OBJECT * 0 + 255]),
    "transparent": np.dstack([OBJECT * 255] * 3 + [OBJECT * 0]),
    "0 and 1": OBJECT,
}


@pytest.mark.parametrize("mode", MODES)
def test_a_mask_of_any_mode_is_1_where_a_colour_is_above_half(tmp_path, mode):
    file = tmp_path / "mask.png"
    cv2.imwrite(str(file), MODES[mode])
    mask = read_mask(str(file))
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, OBJECT)


def test_a_mask_with_a_palette_is_read_by_its_colours(tmp_path):
    file = tmp_path / "mask.png"
    file.write_bytes(palette_png(OBJECT, (0, 0, 0, 200, 0, 0)))
    assert np.array_equal(read_mask(str(file)), OBJECT)


def test_in_a_palette_without_a_bright_colour_all_but_black_is_object(tmp_path):
    file = tmp_path / "mask.png"
    file.write_bytes(palette_png(OBJECT, (0, 0, 0, 128, 0, 0)))  # the first object of PASCAL VOC and DAVIS
    assert np.array_equal(read_mask(str(file)), OBJECT)
    cv2.imwrite(str(file), OBJECT * 128)  # without a palette it is grey, and not above half
    assert not read_mask(str(file)).any()


def test_a_blank_mask_has_no_object(tmp_path):
    file = tmp_path / "mask.png"
    cv2.imwrite(str(file), OBJECT * 0)
    assert not read_mask(str(file)).any()


def test_a_mask_of_floats_is_refused_with_its_file_and_type(tmp_path):
    file = tmp_path / "mask.tiff"
    cv2.imwrite(str(file), OBJECT.astype(np.float32))
    with pytest.raises(UserError, match=r"mask\.tiff has pixels of type float32: save it with 8 or 16 bits, unsigned"):
        read_mask(str(file))


def test_an_image_is_read_in_the_order_red_green_blue(tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), np.full((2, 3, 3), (10, 20, 30), np.uint8))  # blue, green, red
    cv2.imwrite(str(tmp_path / "mask.png"), OBJECT * 255)
    image, mask = read_pair(str(tmp_path / "image.png"), str(tmp_path / "mask.png"))
    assert image.shape == (2, 3, 3)
    assert image[0, 0].tolist() == [30, 20, 10]
    assert np.array_equal(mask, OBJECT)


def test_a_grey_image_has_three_equal_channels(tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), OBJECT * 90)
    cv2.imwrite(str(tmp_path / "mask.png"), OBJECT * 255)
    image, _ = read_pair(str(tmp_path / "image.png"), str(tmp_path / "mask.png"))
    assert np.array_equal(image, np.dstack([OBJECT * 90] * 3))


def test_a_mask_of_another_size_is_brought_to_its_image_without_new_values(tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), np.zeros((4, 6, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "mask.png"), OBJECT * 255)
    _, mask = read_pair(str(tmp_path / "image.png"), str(tmp_path / "mask.png"))
    assert np.array_equal(mask, OBJECT.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize("size", [(62, 100), (64, 98), (32, 49), (128, 200), (70, 100)])
def test_a_mask_of_nearly_the_same_shape_is_brought_to_its_image(tmp_path, size):
    cv2.imwrite(str(tmp_path / "image.png"), np.zeros((64, 100, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "mask.png"), np.full(size, 255, np.uint8))
    image, mask = read_pair(str(tmp_path / "image.png"), str(tmp_path / "mask.png"))
    assert image.shape[:2] == mask.shape == (64, 100)
    assert mask.all()


@pytest.mark.parametrize("size", [(100, 64), (64, 64), (75, 100), (128, 100)])
def test_a_mask_of_another_shape_is_an_error_with_both_files(tmp_path, size):
    cv2.imwrite(str(tmp_path / "image.png"), np.zeros((64, 100, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "mask.png"), np.zeros(size, np.uint8))
    with pytest.raises(UserError, match=rf"image\.png is 100 x 64 and \S*mask\.png is {size[1]} x {size[0]}: of one"):
        read_pair(str(tmp_path / "image.png"), str(tmp_path / "mask.png"))


@pytest.mark.parametrize("upright", [True, False])
def test_an_image_that_its_camera_turned_has_the_orientation_of_its_mask(tmp_path, upright):
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:, :16] = 255  # as stored: white at the left; as shown, turned clockwise: white at the top
    jpeg = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    (tmp_path / "image.jpg").write_bytes(turned_by_camera(jpeg, 6))
    shape = (32, 16) if upright else (16, 32)
    cv2.imwrite(str(tmp_path / "mask.png"), np.zeros(shape, np.uint8))
    image, mask = read_pair(str(tmp_path / "image.jpg"), str(tmp_path / "mask.png"))
    assert image.shape[:2] == mask.shape == shape
    white = image[:16] if upright else image[:, :16]
    black = image[16:] if upright else image[:, 16:]
    assert white.mean() > 250
    assert black.mean() < 5


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n broken"])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, content):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.png is damaged or not an image: replace it"):
        read_mask(str(tmp_path / "broken.png"))


def test_a_file_that_went_away_is_named_with_the_reason(tmp_path):
    with pytest.raises(UserError, match=r"gone\.jpg can't be read: No such file"):
        read_pair(str(tmp_path / "gone.jpg"), str(tmp_path / "gone.png"))


def test_what_is_written_reads_back(tmp_path, samples):
    sample = samples[0]
    write_image(tmp_path / "über.jpg", sample.image)
    write_mask(tmp_path / "über.png", sample.mask)
    image, mask = read_pair(str(tmp_path / "über.jpg"), str(tmp_path / "über.png"))
    assert np.array_equal(mask, sample.mask)
    assert np.abs(image.astype(int) - sample.image).mean() < 4
    assert set(np.unique(cv2.imread(str(tmp_path / "über.png"), cv2.IMREAD_UNCHANGED))) == {0, 255}
