"""Files that no program can read as they were meant, of every kind that data sets come with.

``write_damaged(folder, 100)`` writes images and returns where each is and what is wrong with it; with ``masks=True`` it
writes masks.
"""

from __future__ import annotations

import io
import struct
import zlib
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Pixels = np.ndarray[Any, np.dtype[np.uint8]]
    Damage = Callable[[Pixels], bytes]


class Damaged(NamedTuple):
    """A file and what is wrong with it."""

    path: Path
    kind: str


def encoded(suffix: str, pixels: Pixels, *settings: int) -> bytes:
    """A whole file."""
    return cv2.imencode(suffix, pixels, settings)[1].tobytes()


def with_thumbnail(pixels: Pixels) -> bytes:
    """A JPEG as cameras leave it: a small one in its header, with an end marker of its own."""
    small = encoded(".jpg", pixels[::4, ::4])
    entries = (
        struct.pack(">H", 2) + struct.pack(">HHII", 0x0201, 4, 1, 44) + struct.pack(">HHII", 0x0202, 4, 1, len(small))
    )
    tiff = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">HI", 0, 14) + entries + struct.pack(">I", 0) + small
    body = b"Exif\0\0" + tiff
    whole = encoded(".jpg", pixels)
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + whole[2:]


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header tells a size that its data don't have."""
    whole = bytearray(encoded(".png", np.zeros((4, 4), np.uint8)))
    whole[16:24] = struct.pack(">II", width, height)
    whole[29:33] = struct.pack(">I", zlib.crc32(bytes(whole[12:29])))
    return bytes(whole)


def flipped(data: bytes) -> bytes:
    """One byte in the middle changed."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]


def saved(pixels: Pixels, kind: str) -> bytes:
    """By Pillow, which writes integers that OpenCV doesn't."""
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0].astype(np.int32)).save(file, kind)
    return file.getvalue()


def _cuts(suffix: str, make: Damage) -> dict[str, tuple[str, Damage]]:
    def share(part: float) -> Damage:
        return lambda pixels: (whole := make(pixels))[: int(len(whole) * part)]

    name = suffix.removeprefix(".")
    return {
        f"{name} of a tenth": (suffix, share(0.1)),
        f"{name} of a half": (suffix, share(0.5)),
        f"{name} of nine tenths": (suffix, share(0.9)),
        f"{name} without its last byte": (suffix, lambda pixels: make(pixels)[:-1]),
    }


PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
FILES: dict[str, tuple[str, Damage]] = {
    **{
        kind: made
        for suffix in (".jpg", ".png", ".webp", ".bmp", ".tif")
        for kind, made in _cuts(suffix, lambda pixels, suffix=suffix: encoded(suffix, pixels)).items()
    },
    "progressive jpg of a half": (".jpg", lambda p: (w := encoded(".jpg", p, *PROGRESSIVE))[: len(w) // 2]),
    "jpg with a thumbnail, of nine tenths": (".jpg", lambda p: (w := with_thumbnail(p))[: len(w) * 9 // 10]),
    "jpg, its second half zeros": (".jpg", lambda p: (w := encoded(".jpg", p))[: len(w) // 2] + bytes(len(w) // 2)),
    "png, its second half zeros": (".png", lambda p: (w := encoded(".png", p))[: len(w) // 2] + bytes(len(w) // 2)),
    "png with a wrong byte": (".png", lambda p: flipped(encoded(".png", p))),
    "empty jpg": (".jpg", lambda p: b""),
    "empty png": (".png", lambda p: b""),
    "empty tiff": (".tiff", lambda p: b""),
    "zeros": (".bmp", lambda p: bytes(2000)),
    "noise": (".jpeg", lambda p: np.random.default_rng(3).bytes(2000)),
    "text called jpg": (".jpg", lambda p: b"Dear reader, this is a text.\n" * 20),
    "web page called png": (".png", lambda p: b"<!DOCTYPE html><html><body>404 Not Found</body></html>"),
    "pointer of a large file storage": (".jpg", lambda p: b"version https://git-lfs.github.com/spec/v1\nsize 1\n"),
    "archive called webp": (".webp", lambda p: b"PK\3\4" + zlib.compress(p.tobytes())),
    "png of 100000 x 100000": (".png", lambda p: png_of_size(100_000, 100_000)),
    "png of 0 x 0": (".png", lambda p: png_of_size(0, 0)),
    "tiff of 32-bit floats": (".tif", lambda p: encoded(".tif", p.astype(np.float32) / 255)),
    "grey tiff of 64-bit floats": (".tif", lambda p: encoded(".tif", p[..., 0].astype(np.float64) / 255)),
    "tiff of signed 16-bit integers": (".tif", lambda p: encoded(".tif", p.astype(np.int16))),
    "tiff of 32-bit integers": (".tif", lambda p: saved(p, "TIFF")),
}
FOLDER, NOWHERE = "folder called png", "link to nowhere"
KINDS = (*FILES, FOLDER, NOWHERE)


def write_damaged(
    folder: Path, count: int = len(KINDS), name: str = "damaged", *, masks: bool = False
) -> list[Damaged]:
    """Write ``count`` files called ``<name>-000.<suffix>`` and so on, all kinds in turn, each with its own pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, kind in enumerate(islice(cycle(KINDS), count)):
        suffix, damage = FILES.get(kind, (".png", None))
        path = folder / f"{name}-{number:03d}{suffix}"
        if damage is not None:
            path.write_bytes(damage(mask(number) if masks else picture(number)))
        elif kind == FOLDER:
            path.mkdir()
        else:
            path.symlink_to(folder / "nowhere.png")
        written.append(Damaged(path, kind))
    return written


def picture(number: int, side: int = 32) -> Pixels:
    """``[side, side, 3]`` with a bright square where :func:`mask` has its object."""
    pixels = np.random.default_rng(number).integers(0, 120, (side, side, 3), dtype=np.uint8)
    return pixels + mask(number, side) // 2


def mask(number: int, side: int = 32) -> Pixels:
    """``[side, side, 3]``, a white square on black."""
    pixels = np.zeros((side, side, 3), np.uint8)
    top, left = np.random.default_rng(number).integers(2, side // 2, 2)
    pixels[top : top + side // 3, left : left + side // 3] = 255
    return pixels


def write_good(folder: Path, count: int, *, masks: Path | None = None, name: str = "good") -> list[Path]:
    """Write ``count`` images that can be read, and their masks into ``masks`` if it is given."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}-{number:03d}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded(".jpg", picture(number)))
        if masks is not None:
            masks.mkdir(parents=True, exist_ok=True)
            (masks / f"{path.stem}.png").write_bytes(encoded(".png", mask(number)))
    return paths


def write_damaged_set(
    root: Path, good: int = 24, images: int = 95, masks: int = 95, misfits: int = 10
) -> list[Damaged]:
    """Good and damaged pairs in the layout of ``folder``; of a damaged pair only one file is at fault.

    ``misfits``: pairs of two files that can be read, but whose shapes have nothing to do with each other.
    """
    left, right = root / "images", root / "masks"
    write_good(left, good, masks=right)
    found = write_damaged(left, images, "image") + write_damaged(right, masks, "mask", masks=True)
    for number in range(images):
        (right / f"image-{number:03d}.png").write_bytes(encoded(".png", mask(number)))
    for number in range(masks):
        (left / f"mask-{number:03d}.jpg").write_bytes(encoded(".jpg", picture(number)))
    for number in range(misfits):
        (left / f"misfit-{number:03d}.jpg").write_bytes(encoded(".jpg", picture(number)[: 16 + number % 3]))
        path = right / f"misfit-{number:03d}.png"
        path.write_bytes(encoded(".png", mask(number)))
        found.append(Damaged(path, "mask of another shape"))
    return found
