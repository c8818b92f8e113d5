"""Options of the experts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from frame import Options

Positive = Annotated[int, Field(ge=1)]
Kernel = Literal[3, 5, 7, 9]


class NarrowOptions(Options):
    """An expert that works on fewer channels than it is given."""

    reduction: int = Field(default=2, ge=1)
    """How many times fewer channels the expert has inside."""


class TextureOptions(NarrowOptions):
    """Energy of 3x3 convolutions at several dilations."""

    dilations: tuple[Positive, ...] = Field(default=(1, 2, 3, 4), min_length=1)
    """Distances between the taps of each convolution, in pixels of the map."""


class AttentionOptions(NarrowOptions):
    """How far each place is from what it attends to, over all positions at linear cost."""

    heads: int = Field(default=4, ge=1)
    """Groups of channels that attend by themselves; fewer where they don't divide the channels."""


class HybridOptions(NarrowOptions):
    """Depthwise filters times a global gate."""

    kernel: Kernel = 5
    """Side of the window that the filters, 3x3 each, reach over together, in pixels of the map."""


class FrequencyOptions(NarrowOptions):
    """Bands of a Laplacian pyramid, each filtered on its own."""

    kernel: Kernel = 3
    """Side of the window that each band's filters, 3x3 each, reach over together, in pixels of the band."""


class EdgeOptions(NarrowOptions):
    """Magnitudes of fixed Sobel and Laplace filters."""


class ContextOptions(Options):
    """Pyramid pooling of means and deviations."""

    bins: tuple[Positive, ...] = Field(default=(8, 4, 2, 1), min_length=1)
    """Cells along each side of the grids that the map is averaged over; fewer on a smaller map."""


class ContrastOptions(Options):
    """What a place has more of than its surroundings."""

    surround: int = Field(default=4, ge=2)
    """Side of the cells whose means stand for the surroundings, in pixels of the map."""
