"""Losses of the overlap of areas: soft IoU, Dice, Tversky."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from frame_losses.pixels import SMOOTH, over_classes, pixels, refuse_other_than, soft_areas, weights_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame import Prediction

TINY = 1e-6  # of an index' distance from 1: below, a power of less than 1 would be too steep


class Tversky(nn.Module):
    """``(1 - index) ** gamma`` with ``index = both / (both + alpha * false + beta * missed)``, areas in soft pixels.

    Salehi et al., "Tversky loss function for image segmentation using 3D fully convolutional deep networks", MLMI
    2017, where ``alpha`` 0.3 and ``beta`` 0.7 favour finding the whole object; both 0.5 is Dice, both 1 is IoU.
    ``gamma`` below 1 raises the share of images that are nearly right, above 1 that of the others: the focal Tversky
    loss of Abraham and Khan (ISBI 2019), whose gamma is the inverse of this one.

    A mean over images, and within each over the classes that its mask holds. ``smooth`` pixels are added above and
    below, so an empty mask teaches that there is nothing.
    """

    name = "tversky"
    class_weights: Tensor | None

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        gamma: float = 1.0,
        smooth: float = SMOOTH,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.smooth = smooth
        self.register_buffer("class_weights", weights_tensor(class_weights), persistent=False)

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """A scalar. Raises :class:`frame.UserError` if the weights are not one a class."""
        refuse_other_than(prediction.logits.shape[1], self.class_weights, self.name)
        probability, truth, _ = pixels(prediction.logits, mask)
        both, predicted, true = soft_areas(probability, truth)
        # What is false is predicted - both, what is missed is true - both.
        whole = (1 - self.alpha - self.beta) * both + self.alpha * predicted + self.beta * true
        distance = 1 - (both + self.smooth) / (whole + self.smooth)
        if self.gamma != 1:
            distance = distance.clamp(min=TINY).pow(self.gamma).where(distance > TINY, 0)
        return over_classes(distance, truth, self.class_weights).mean()


class Dice(Tversky):
    """``1 - 2 * both / (predicted + true)``, areas in soft pixels.

    Milletari et al., "V-Net", 3DV 2016, without their squares, as most use it (Sudre et al., DLMIA 2017). A mean over
    images, and within each over the classes that its mask holds.
    """

    name = "dice"

    def __init__(self, *, smooth: float = SMOOTH, class_weights: Sequence[float] | None = None) -> None:
        super().__init__(alpha=0.5, beta=0.5, smooth=smooth, class_weights=class_weights)


class SoftIoU(Tversky):
    """``1 - both / either``, areas in soft pixels.

    Rahman and Wang, "Optimizing intersection-over-union in deep neural networks for image segmentation", ISVC 2016.
    A mean over images, and within each over the classes that its mask holds.
    """

    name = "soft_iou"

    def __init__(self, *, smooth: float = SMOOTH, class_weights: Sequence[float] | None = None) -> None:
        super().__init__(alpha=1.0, beta=1.0, smooth=smooth, class_weights=class_weights)
