"""The transforms that a config gets when it names none."""

from __future__ import annotations

from typing import Any

SMOOTH_EDGE = 4  # cv2.BORDER_REFLECT_101: a black corner would tell the model where the picture was turned

CAMOUFLAGE: tuple[dict[str, Any], ...] = (
    {"name": "HorizontalFlip", "p": 0.5},
    {"name": "RandomResizedCrop", "scale": (0.5, 1.0), "ratio": (0.8, 1.25), "p": 0.6},
    {
        "name": "Affine",
        "scale": (0.85, 1.15),
        "rotate": (-15, 15),
        "border_mode": SMOOTH_EDGE,
        "p": 0.2,
    },
    {"name": "ColorJitter", "brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.0, "p": 0.5},
    {
        "name": "OneOf",
        "p": 0.1,
        "transforms": (
            {"name": "GaussianBlur", "blur_limit": (3, 5), "p": 1.0},
            {"name": "GaussNoise", "std_range": (0.01, 0.04), "per_channel": False, "p": 1.0},
        ),
    },
)
"""For objects that differ from their surroundings in texture alone: geometry is varied freely, while colour, blur and
noise change little and seldom, because they can wipe out what there is to see.

Time counts too. An image in five is turned, as in the field's training code, for nothing takes as long. Hue stays: to
HSV and back takes longer than all else of a ColorJitter. Noise is one of brightness, a quarter of the work."""
