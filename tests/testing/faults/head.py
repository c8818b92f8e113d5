"""What can be wrong with a head."""

from __future__ import annotations

from tests.testing.fault import fault

LOGITS = 'logits = F.interpolate(self.out(x), size=size, mode="bilinear")'
EXTRAS = '{"router.0": weights, "load.0": load}'

FAULTS = (
    fault(
        "a sigmoid already applied",
        "logits_are_no_probabilities",
        r"logits for 1 classes lie in \[0, 1\]; return them without sigmoid",
        (LOGITS, LOGITS + ".sigmoid()"),
        ("side = tuple(self.out(each) for each in maps)", "side = ()"),
    ),
    fault(
        "a softmax already applied",
        "logits_are_no_probabilities",
        r"logits (for 4 classes lie in \[0, 1\]|for 1 classes lie in \[0, 1\]); return them without sigmoid, softmax",
        (LOGITS, LOGITS + ".softmax(1)"),
        ("side = tuple(self.out(each) for each in maps)", "side = ()"),
    ),
    fault(
        "a relu at the end",
        "logits_are_no_probabilities",
        r"never below 0; return them without",
        (LOGITS, LOGITS + ".relu()"),
        ("side = tuple(self.out(each) for each in maps)", "side = ()"),
    ),
    fault(
        "logits at the size of the finest map",
        "any_channels_and_strides",
        r"are \[2, 1, 16, 24\], not \[2, 1, 64, 96\]; .*resized to size",
        (LOGITS, "logits = self.out(x)"),
    ),
    fault(
        "one class whatever is asked for",
        "any_channels_and_strides",
        r"not \[2, 4, 64, 96\]; give num_classes channels",
        ("nn.Conv2d(width, num_classes, 1)", "nn.Conv2d(width, 1, 1)"),
    ),
    fault(
        "three maps that are assumed",
        "any_channels_and_strides",
        r"fails for maps of \(6, 10, 12, 20\) .*; assume no sizes",
        ("maps = [lateral", "fine, middle, coarse = features\n        maps = [lateral"),
    ),
    fault(
        "maps that halve, assumed",
        "any_channels_and_strides",
        r"fails for maps of \(6, 10, 12, 20\) channels at strides \(4, 8, 16, 32\), 1 classes, images of 61 x 75",
        (
            'F.interpolate(each, size=x.shape[-2:], mode="bilinear")',
            "F.interpolate(each, scale_factor=x.shape[-1] // each.shape[-1])",
        ),
    ),
    fault(
        "a loss among the extras",
        "outputs_are_batch_major",
        r"extras\['balance'\] is \[\] for a batch of 1; .*outside the model",
        (EXTRAS, '{"router.0": weights, "balance": weights.var()}'),
    ),
    fault(
        "experts in front of the batch",
        "outputs_are_batch_major",
        r"extras\['router.0'\] is \[2, 1\] for a batch of 1; return what belongs to samples",
        (EXTRAS, '{"router.0": weights.t()}'),
    ),
    fault(
        "routing weights that don't sum to 1",
        "routing_weights",
        r"no row of probabilities for each image; give the softmax",
        (".softmax(1)\n", ".sigmoid()\n"),
    ),
    fault(
        "names for other columns",
        "routing_weights",
        r"extra_names has 3 names for extras\['router.0'\]; give a name for each",
        ('("left", "right")', '("left", "right", "both")'),
    ),
    fault(
        "a name for two columns",
        "routing_weights",
        r"extra_names has one name twice for 'router.0'; give each column a name of its own",
        ('("left", "right")', '("left", "left")'),
    ),
    fault(
        "side outputs that come coarsest first",
        "side_outputs",
        r"coarsest first; return them finest first",
        ("side = tuple(self.out(each) for each in maps)", "side = tuple(self.out(each) for each in maps[::-1])"),
    ),
    fault(
        "a tuple of something else",
        "forward",
        r"returns a tuple of .*; return frame.Prediction",
        (f"Prediction(logits, side, {EXTRAS})", "logits, side"),
    ),
    fault(
        "a division by 0 at the run's first step",
        "progress",
        r"set_progress\(0.0\) fails: ZeroDivisionError.*; take any number from 0 to 1",
        ("self.sharpness = 1.0 + progress", "self.sharpness = 1.0 / progress"),
    ),
)
