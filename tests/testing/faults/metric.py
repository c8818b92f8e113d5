"""What can be wrong with a metric."""

from __future__ import annotations

from tests.testing.fault import fault

MERGE = "self.scores += other.scores"
COMPUTE = 'return {"share": math.fsum(self.scores) / len(self.scores) if self.scores else math.nan}'
APPEND = "self.scores.append(np.count_nonzero(found & truth) / union)"

FAULTS = (
    fault(
        "a mean of means",
        "merge",
        r"figure 'share' of 1 and 6 images merged is .*; keep sums and counts",
        (MERGE, "self.scores = [(np.mean(self.scores or other.scores) + np.mean(other.scores or self.scores)) / 2]"),
    ),
    fault(
        "a merge that forgets",
        "merge",
        r"figure 'share' of 1 and 6 images merged .*; keep sums and counts and merge those",
        (MERGE, "pass"),
    ),
    fault(
        "a list that all instances share",
        "instances_are_independent",
        r"goes on from what others counted; make lists and sums in __init__",
        ("        self.scores = []\n", ""),
        ("class Share:\n", "class Share:\n    scores = []\n\n"),
    ),
    fault(
        "NaN of an empty mask",
        "empty_masks",
        r"figure 'share' is nan when the mask of one image is all 0; say what such an image counts",
        (
            "        if truth.any():\n            " + APPEND,
            "        self.scores.append(float(np.count_nonzero(found & truth) / np.float64(truth.sum())))",
        ),
    ),
    fault(
        "an error of empty masks alone",
        "empty_masks",
        r"fails when every mask is all 0: ZeroDivisionError.*; say what such an image counts",
        (COMPUTE, 'return {"share": math.fsum(self.scores) / len(self.scores)}'),
    ),
    fault(
        "a running average",
        "order",
        r"depend on the order of the images.*; keep sums, not a running average",
        (APPEND, "self.scores = [0.9 * (self.scores or [0.0])[0] + 0.1 * np.count_nonzero(found & truth) / union]"),
        (
            MERGE,
            (
                "self.scores = [0.5 * a + 0.5 * b for a, b in zip(self.scores or other.scores, "
                "other.scores or self.scores)]"
            ),
        ),
    ),
    fault(
        "a result that empties it",
        "streaming",
        r"others when they were asked for in between.*; let compute\(\) only read",
        (COMPUTE, COMPUTE.replace("return ", "found = ") + "\n        self.scores = []\n        return found"),
    ),
    fault(
        "a mask that is taken for bytes up to 255",
        "a_good_prediction_counts",
        r"figure 'share' is .* whatever is predicted.*; compare the probability with the mask",
        ("mask == 1", "mask < 128"),
        ("found, truth = probability[0] > self.threshold", "found, truth = probability[0] >= 0"),
    ),
    fault(
        "a number of numpy",
        "figures",
        r"figure 'share' is a float32; return float",
        (COMPUTE, 'return {"share": np.float32(np.mean(self.scores))}'),
    ),
    fault(
        "a number without a name",
        "figures",
        r"compute\(\) gives 0.\d+; return a dict",
        (COMPUTE, "return math.fsum(self.scores) / max(1, len(self.scores))"),
    ),
    fault(
        "classes that it does not serve, promised",
        "figures",
        r"fails with 4 classes: ValueError: one class only.*; mend it, or say in serves",
        ('        serves=("binary",),\n', ""),
        (
            "        self.scores = []\n",
            "        self.scores = []\n        if num_classes > 1:\n            raise ValueError('one class only')\n",
        ),
    ),
    fault(
        "a probability that is changed",
        "arguments_are_left_alone",
        r"update changes its arguments in place; work on copies",
        ("        found, truth", "        probability /= probability.max()\n        found, truth"),
    ),
    fault(
        "a lambda that no process can send",
        "pickles",
        r"can't be pickled: .*; hold no lambda",
        (
            "        self.threshold = threshold\n",
            "        self.threshold = threshold\n        self.act = lambda x: x\n",
        ),
    ),
)
