"""Correct plugins that are made in another way than the correct ones here, but in one that is as good."""

from tests.testing.fault import Fault, fault

FLOAT = "logits if logits.dtype == torch.float64 else logits.float()"
SENSIBLE: list[tuple[str, Fault]] = [
    (
        "backbone",
        fault(
            "a position embedding beside the stages",
            "stages",
            "",
            (
                "self.register_buffer(",
                "self.place = nn.Parameter(torch.zeros(1, width, 1, 1))\n        self.register_buffer(",
            ),
            ("self.norm(self.stem(image))", "self.norm(self.stem(image) + self.place)"),
        ),
    ),
    ("loss", fault("one that always computes in float32", "gradient_is_right", "", (FLOAT, "logits.float()"))),
    (
        "dataset",
        fault(
            "one that says that it has no test split",
            "train_and_test_are_disjoint",
            "no test",
            (
                "from frame import Component, Options, Sample, hookimpl",
                "from frame import Component, Options, Sample, UserError, hookimpl",
            ),
            (
                "        self.split = split\n",
                '        if split == "test":\n            raise UserError("none")\n        self.split = split\n',
            ),
        ),
    ),
]
