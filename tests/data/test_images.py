"""Every file is read by a stated rule, or is named with what is wrong."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.damaged import KINDS, encoded, with_thumbnail, write_damaged

from frame import UserError, read_image, read_pixels
from frame.data import images

GREY = np.zeros((4, 6), np.uint8)
GREY[:, :3] = 200
RGB = np.dstack([GREY, GREY // 2, GREY // 4])


def saved(image: Image.Image, kind: str, **settings) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def palette(bits: int) -> bytes:
    image = Image.fromarray((GREY > 0).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 200, 100, 50])
    return saved(image, "PNG", bits=bits)


def pages(kind: str) -> bytes:
    first, second = Image.fromarray(RGB), Image.fromarray(RGB[:, ::-1].copy())
    return saved(first, kind, save_all=True, append_images=[second])


SIXTEEN = RGB.astype(np.uint16) * 257
COLOURED = {
    "png": encoded(".png", RGB[..., ::-1]),
    "png with alpha": saved(Image.fromarray(np.dstack([RGB, GREY])), "PNG"),
    "wholly transparent png": saved(Image.fromarray(np.dstack([RGB, GREY * 0])), "PNG"),
    "png with a palette": palette(8),
    "png with a palette of two": palette(1),
    "png with several frames": pages("PNG"),
    "tiff with several pages": pages("TIFF"),
    "16-bit png": encoded(".png", SIXTEEN[..., ::-1]),
    "16-bit tiff": encoded(".tif", SIXTEEN[..., ::-1]),
    "16-bit tiff with alpha": encoded(".tif", np.dstack([SIXTEEN[..., ::-1], SIXTEEN[..., 0]])),
    "cmyk jpg": saved(Image.fromarray(RGB).convert("CMYK"), "JPEG", quality=100),
    "cmyk tiff": saved(Image.fromarray(RGB).convert("CMYK"), "TIFF"),
    "bmp": encoded(".bmp", RGB[..., ::-1]),
    "webp": encoded(".webp", RGB[..., ::-1], cv2.IMWRITE_WEBP_QUALITY, 101),
}
GREYS = {
    "grey png": encoded(".png", GREY),
    "grey png with alpha": saved(Image.fromarray(np.dstack([GREY, GREY])), "PNG"),
    "grey 16-bit png": encoded(".png", SIXTEEN[..., 0]),
    "grey 16-bit tiff": encoded(".tif", SIXTEEN[..., 0]),
    "grey jpg": encoded(".jpg", GREY, cv2.IMWRITE_JPEG_QUALITY, 100),
}


def distance(image, other) -> int:
    return np.abs(image.astype(int) - other).max()


def read(tmp_path, data: bytes, **how):
    (tmp_path / "any.name").write_bytes(data)
    return read_image(tmp_path / "any.name", **how)


@pytest.mark.parametrize("kind", COLOURED)
def test_an_image_of_any_kind_is_read_as_8_bit_rgb(tmp_path, kind):
    image = read(tmp_path, COLOURED[kind])
    assert image.dtype == np.uint8
    assert distance(image, RGB) <= 3


@pytest.mark.parametrize("kind", GREYS)
def test_a_grey_image_of_any_kind_has_three_equal_channels(tmp_path, kind):
    assert distance(read(tmp_path, GREYS[kind]), np.dstack([GREY] * 3)) <= 3


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(tmp_path, kind):
    assert np.array_equal(read(tmp_path, saved(Image.fromarray(GREY > 0), kind)), np.dstack([(GREY > 0) * 255] * 3))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_camera_that_was_turned_is_turned_back(tmp_path, kind):
    note = Image.Exif()
    note[0x0112] = 6  # what is at the left is shown above
    image = read(tmp_path, saved(Image.fromarray(RGB), kind, exif=note))
    assert image.shape == (6, 4, 3)
    assert image[:2].mean() > 100
    assert image[4:].mean() < 10


def test_a_jpg_with_a_thumbnail_or_with_something_behind_its_end_is_whole(tmp_path):
    pixels = np.repeat(np.repeat(RGB, 8, axis=0), 8, axis=1)
    for data in (with_thumbnail(pixels), encoded(".jpg", pixels) + b"\xff\xda a maker's notes" + bytes(9)):
        assert np.abs(read(tmp_path, data).astype(int) - pixels[..., ::-1]).mean() < 3


def test_a_jpg_without_its_end_is_known_though_older_opencvs_would_fill_it_with_grey():
    pixels = np.repeat(np.repeat(RGB, 8, axis=0), 8, axis=1)
    for whole in (encoded(".jpg", pixels), with_thumbnail(pixels), encoded(".jpg", pixels) + b"notes"):
        assert not images._is_cut_short(whole)
        scan, end = whole.rindex(b"\xff\xda"), whole.rindex(b"\xff\xd9")
        assert all(images._is_cut_short(whole[:length]) for length in range(scan, end + 2))


@pytest.mark.parametrize("reader", [read_image, read_pixels])
@pytest.mark.parametrize("masks", [False, True])
def test_a_damaged_file_of_any_kind_is_named(tmp_path, reader, masks):
    for path, kind in write_damaged(tmp_path, masks=masks):
        with pytest.raises(UserError) as caught:
            reader(path)
        assert str(caught.value).startswith(f"{path} "), kind
        assert (
            "replace it" in str(caught.value) or "save it" in str(caught.value) or "can't be read" in str(caught.value)
        )
    assert len(list(tmp_path.iterdir())) == len(KINDS)


def test_types_that_are_no_pictures_are_named(tmp_path):
    for data, name in (
        (encoded(".tif", RGB.astype(np.float32)), "float32"),
        (encoded(".tif", GREY.astype(np.int16)), "int16"),
    ):
        with pytest.raises(UserError, match=rf"any\.name has pixels of type {name}: save it with 8 or 16 bits"):
            read(tmp_path, data)


def test_a_folder_and_a_file_that_went_away_are_named_with_the_reason(tmp_path):
    with pytest.raises(UserError, match=r"gone\.jpg can't be read: No such file"):
        read_image(tmp_path / "gone.jpg")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UserError, match=r"folder\.png can't be read: Is a directory"):
        read_image(tmp_path / "folder.png")


def test_pixels_come_as_they_are_stored(tmp_path):
    for data in (encoded(".png", GREY), encoded(".png", SIXTEEN), encoded(".png", np.dstack([RGB, GREY]))):
        (tmp_path / "a.png").write_bytes(data)
        stored = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
        pixels = read_pixels(tmp_path / "a.png")
        assert pixels.dtype == stored.dtype
        assert np.array_equal(pixels, stored)
