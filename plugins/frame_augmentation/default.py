"""The transforms that a config gets when it names none."""

from __future__ import annotations

from typing import Any

SMOOTH_EDGE = 4  # cv2.BORDER_REFLECT_101: a black corner would tell the model where the picture was turned

CAMOUFLAGE: tuple[dict[str, Any], ...] = (
    {"name": "HorizontalFlip", "p": 0.5},
    {"name": "RandomResizedCrop", "scale": (0.5, 1.0), "ratio": (0.8, 1.25), "p": 0.5},
    {
        "name": "Affine",
        "scale": (0.85, 1.15),
        "rotate": (-15, 15),
        "border_mode": SMOOTH_EDGE,
        "p": 0.1,
    },
    {"name": "RandomGamma", "gamma_limit": (70, 140), "p": 0.5},
    {"name": "ColorJitter", "brightness": 0.0, "contrast": 0.0, "saturation": 0.2, "hue": 0.0, "p": 0.25},
    {
        "name": "OneOf",
        "p": 0.1,
        "transforms": (
            {"name": "GaussianBlur", "blur_limit": (3, 5), "p": 1.0},
            {"name": "Sharpen", "alpha": (0.02, 0.15), "lightness": (1.0, 1.0), "p": 1.0},
        ),
    },
)
"""For objects that differ from their surroundings in texture alone: geometry is varied freely, colour and sharpness
little, and noise is not added, because it wipes out what there is to see. What varies is what varies in the field's
training code (Fan et al., TPAMI 2022, arXiv:2102.10274): side, cut, turn, brightness, contrast, saturation, sharpness.

Time counts too: on few cores training waits for its loader. To turn takes five times as long as to cut, so it comes
seldom. Brightness and contrast change by gamma, one table of values that cuts off the texture of no image, be it bright
or dark. Hue stays: to HSV and back takes longer than all else of the colours. Noise would take twice as long as to
turn."""
