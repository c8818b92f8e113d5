"""The Lovász losses: IoU's own convex surrogates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from frame_losses.pixels import over_classes, pixels, refuse_other_than, weights_tensor
from frame_losses.precision import at_least_float32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame import Prediction


class Lovasz(nn.Module):
    """The Lovász extension of ``1 - IoU``, at hinge errors for one class and at softmax errors for many.

    Berman et al., "The Lovász-softmax loss", CVPR 2018, and its hinge for one class (Yu and Blaschko, ICML 2015). A
    mean over images, and within each over the classes that its mask holds. It is best after, or beside, a loss that
    looks at every pixel: the hinge leaves alone what is right by a margin of 1.
    """

    class_weights: Tensor | None

    def __init__(self, *, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.register_buffer("class_weights", weights_tensor(class_weights), persistent=False)

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """A scalar. Raises :class:`frame.UserError` if the weights are not one a class."""
        refuse_other_than(prediction.logits.shape[1], self.class_weights, "lovasz")
        logits = at_least_float32(prediction.logits)
        if logits.shape[1] == 1:
            truth = mask.to(logits.dtype)
            errors = F.relu(1 - logits * (2 * truth - 1))
        else:
            probability, truth, _ = pixels(logits, mask)
            errors = (truth - probability).abs()  # 0 where ignored, which comes last and adds nothing
        loss = extension(errors.flatten(2), truth.flatten(2))
        return over_classes(loss, truth, self.class_weights).mean()


def extension(errors: Tensor, truth: Tensor) -> Tensor:
    """``[..., P]`` errors of at least 0 of pixels, and their truth, to ``[...]``: algorithm 1 of the paper."""
    errors, order = errors.sort(dim=-1, descending=True)
    truth = truth.gather(-1, order)
    area = truth.sum(dim=-1, keepdim=True)
    both = area - truth.cumsum(dim=-1)
    either = area + (1 - truth).cumsum(dim=-1)
    jaccard = 1 - both / either  # the loss if the errors up to here were all that is wrong
    gain = jaccard.diff(dim=-1, prepend=jaccard.new_zeros(*jaccard.shape[:-1], 1))
    return (errors * gain).sum(dim=-1)
