"""What can be wrong with a loss."""

from __future__ import annotations

from tests.testing.fault import fault

LOGITS = "        logits = logits if logits.dtype == torch.float64 else logits.float()\n"
BCE = "loss = F.binary_cross_entropy_with_logits(logits, mask.to(logits.dtype))"
CE = 'loss = F.cross_entropy(logits, mask, ignore_index=255, reduction="sum") / known'
RETURN = "return self.scale * self.factor * loss + self.level.to(loss.dtype)"

FAULTS = (
    fault(
        "a loss that looks at one corner",
        "every_region_counts",
        r"whatever is predicted in rows 0 to 4, columns 8 to 12 .*; look at the whole image",
        (BCE, "loss = F.binary_cross_entropy_with_logits(logits[..., :8, :8], mask.to(logits.dtype)[..., :8, :8])"),
    ),
    fault(
        "a loss that leaves out the border",
        "every_region_counts",
        r"whatever is predicted in rows 0 to 4, columns 0 to 4 .*; look at the whole image",
        (
            BCE,
            (
                "loss = F.binary_cross_entropy_with_logits(logits[..., "
                "4:-4, 4:-4], mask.to(logits.dtype)[..., 4:-4, 4:-4])"
            ),
        ),
    ),
    fault(
        "NaN on an empty mask",
        "degenerate_masks",
        r"it is (nan|inf) for an empty mask; add an epsilon",
        (BCE, "p = logits.sigmoid()\n            loss = 1 - (p * mask).sum() / mask.sum()"),
    ),
    fault(
        "NaN on a mask of ignored pixels",
        "degenerate_masks",
        r"it is nan for a mask of ignored pixels.*; add an epsilon, or leave out what is empty",
        (CE, "loss = F.cross_entropy(logits, mask, ignore_index=255)"),
    ),
    fault(
        "a logarithm of probabilities",
        "degenerate_masks",
        r"logits of 10000; .*use the \*_with_logits forms",
        (BCE, "p = logits.sigmoid()\n            loss = -(mask * p.log() + (1 - mask) * (1 - p).log()).mean()"),
    ),
    fault(
        "the wrong sign",
        "perfect_is_below_wrong",
        r"a perfect prediction costs -?\d.*; check its sign",
        (RETURN, "return -self.scale * self.factor * loss + self.level.to(loss.dtype)"),
    ),
    fault(
        "a mask that nobody looks at",
        "perfect_is_below_wrong",
        r"a perfect prediction costs",
        (BCE, "loss = (1 - (2 * logits.sigmoid() - 1).square()).mean()"),
        (CE, "loss = (1 - logits.softmax(1).square().sum(1)).mean()"),
    ),
    fault(
        "a sigmoid twice",
        "perfect_is_below_wrong",
        r"a perfect prediction costs 0.\d+.*takes logits for probabilities",
        (LOGITS, LOGITS + "        logits = logits.sigmoid()\n"),
    ),
    fault(
        "detach in the middle",
        "gradient_flows",
        r"no gradient flows back from it .*; look for detach",
        (LOGITS, LOGITS + "        logits = logits.detach()\n"),
    ),
    fault(
        "a threshold in the middle",
        "gradient_flows",
        r"no gradient flows back from it .*comparison on the way",
        (LOGITS, LOGITS + "        logits = (logits > 0).to(logits.dtype)\n"),
    ),
    fault(
        "a gradient that is half of what it should be",
        "gradient_is_right",
        r"not that of finite differences .*; mend backward",
        (LOGITS, LOGITS + "        logits = (logits + logits.detach()) / 2\n"),
    ),
    fault(
        "the same in float32",
        "gradient_is_right",
        r"not that of finite differences .*; mend backward",
        (LOGITS, "        logits = (logits.float() + logits.float().detach()) / 2\n"),
    ),
    fault(
        "a sum over samples",
        "size_of_the_batch",
        r"the same samples twice cost .*; take a mean over samples",
        (BCE, 'loss = F.binary_cross_entropy_with_logits(logits, mask.to(logits.dtype), reduction="sum") / 320'),
    ),
    fault(
        "a value for each sample",
        "scalar",
        r"it gives \[3\], not a scalar; return a tensor without dimensions",
        (BCE, BCE.replace("mask.to(logits.dtype))", 'mask.to(logits.dtype), reduction="none").mean((1, 2, 3))')),
    ),
    fault(
        "the first sample alone",
        "order_of_the_batch",
        r"depends on the order of the samples .*; treat all samples of the batch alike",
        (BCE, "loss = F.binary_cross_entropy_with_logits(logits[:1], mask.to(logits.dtype)[:1])"),
    ),
    fault(
        "a sigmoid in place",
        "arguments_are_left_alone",
        r"changes its arguments in place .*; use the form that makes a new tensor",
        (LOGITS, "        logits.sigmoid_()\n" + LOGITS),
    ),
    fault(
        "ignored pixels that count",
        "ignored_pixels",
        r"depends on what is predicted where the mask is 255; .*ignore_index=255",
        (CE, "loss = F.cross_entropy(logits, mask.clamp(max=logits.shape[1] - 1))"),
    ),
    fault(
        "many classes, promised and not done",
        "scalar",
        r"it fails with 4 classes: .*; mend it, or say in serves",
        ("if logits.shape[1] == 1:", "if True:"),
    ),
    fault(
        "logits in bfloat16 that meet float32",
        "mixed_precision",
        r"(it fails for logits in bfloat16|in bfloat16 it is).*; compute with logits.float\(\)",
        (LOGITS, ""),
        (BCE, "loss = (1 - torch.einsum('bchw,bchw->b', logits.sigmoid(), mask) / (mask.sum((1, 2, 3)) + 1)).mean()"),
    ),
    fault(
        "a running mean that is not saved",
        "state_is_saved",
        r"another one with its state gives another value; register what it keeps as a buffer",
        ('self.register_buffer("level", torch.zeros(()))', "self.level = torch.zeros(())"),
        (RETURN, "if self.training:\n            self.level = self.level + loss.detach()\n        " + RETURN),
    ),
    fault(
        "a division by 0 at the run's end",
        "progress",
        r"set_progress\(1.0\) fails: ZeroDivisionError.*; take any number from 0 to 1",
        ("self.factor = 1.0 + progress", "self.factor = 1.0 / (1 - progress)"),
    ),
    fault(
        "a function instead of a module",
        "it_is_a_module",
        r"builds a function; build a torch.nn.Module",
        (
            "@hookimpl",
            "def build(*, scale=1.0):\n    return lambda prediction, mask: prediction.logits.mean()\n\n\n@hookimpl",
        ),
        ('{__name__}:Mine"', '{__name__}:build"'),
    ),
)
