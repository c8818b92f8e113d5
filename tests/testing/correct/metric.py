"""A metric that keeps the contract: the mean IoU of images that have an object."""

import math

import numpy as np

from frame import Component, Options, hookimpl


class ShareOptions(Options):
    threshold: float = 0.5
    """Above it a pixel is of the object."""


class Share:
    def __init__(self, *, num_classes, threshold=0.5):
        self.threshold = threshold
        self.scores = []

    def update(self, probability, mask):
        found, truth = probability[0] > self.threshold, mask == 1
        union = np.count_nonzero(found | truth)
        if truth.any():
            self.scores.append(np.count_nonzero(found & truth) / union)

    def merge(self, other):
        self.scores += other.scores

    def compute(self):
        return {"share": math.fsum(self.scores) / len(self.scores) if self.scores else math.nan}


@hookimpl
def frame_metrics():
    yield Component(
        name="share",
        target=f"{__name__}:Share",
        options=f"{__name__}:ShareOptions",
        summary="Mean IoU",
        serves=("binary",),
    )
