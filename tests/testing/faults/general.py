"""What can be wrong with a plugin of any kind; here it is a backbone's."""

from __future__ import annotations

from tests.testing.fault import fault

OPTION = '    width: int = 8\n    """Channels of the finest map."""\n'
SIGNATURE = "def __init__(self, *, width=8):"

FAULTS = (
    fault(
        "a hook in the singular, without its mark",
        "hooks_are_known",
        r"frame_backbone looks like a hook, .* frame_backbones",
        ("@hookimpl\n", "def frame_backbone():\n    yield None\n\n\n@hookimpl\n"),
    ),
    fault(
        "the name of a built-in",
        "names",
        r"'timm' is the name of a built-in backbone, .*; choose another",
        ('name="small"', 'name="timm"'),
    ),
    fault("no summary", "names", r"no summary of one line; write Component", (', summary="Two convolutions"', "")),
    fault(
        "a target that is not there",
        "target_imports",
        r"has no 'Smal'.*; mend the import, or the import string",
        ('{__name__}:Small"', '{__name__}:Smal"'),
    ),
    fault(
        "options that are no Options",
        "options_import",
        r"are no frame.Options; derive the class from it",
        ("class SmallOptions(Options)", "class SmallOptions"),
    ),
    fault(
        "a default below its own limit",
        "options_have_defaults",
        r"the default of option 'width' is refused by its own type: .*greater than or equal to 16",
        ("width: int = 8", "width: int = __import__('pydantic').Field(default=8, ge=16)"),
    ),
    fault(
        "an option that is required and says nothing",
        "options_have_defaults",
        r"option 'width' has neither a default nor a docstring; give it one",
        (OPTION, "    width: int\n"),
    ),
    fault(
        "an option that is another each time it is read",
        "options_survive_toml",
        r"option 'width' is another after it was written as TOML",
        ("Options, hookimpl", "Options, hookimpl\nfrom pydantic import field_validator"),
        (
            OPTION,
            OPTION
            + (
                "\n"
                "    @field_validator('width')\n"
                "    @classmethod\n"
                "    def _wider(cls, width):\n"
                "        return width + 1\n"
            ),
        ),
    ),
    fault(
        "an option that JSON has no word for",
        "options_have_a_schema",
        r"the options have no JSON schema: .*; use types that JSON has",
        (OPTION, OPTION + '    act: "__import__(\'collections\').abc.Callable | None" = None\n    """Called."""\n'),
        (SIGNATURE, "def __init__(self, *, width=8, act=None):"),
    ),
    fault(
        "an option without a word",
        "options_have_a_schema",
        r"option 'width' has no docstring; write one",
        (OPTION, "    width: int = 8\n"),
    ),
    fault(
        "a default of the options that can be changed",
        "options_are_not_mutable",
        r"the default of option 'scales' is a list, .*; use a tuple",
        (OPTION, OPTION + '    scales: list[int] = [1]\n    """Scales."""\n'),
        (SIGNATURE, "def __init__(self, *, width=8, scales=(1,)):"),
    ),
    fault(
        "a default of the target that can be changed",
        "options_are_not_mutable",
        r"the target's default of 'scales' is a list, shared by all calls; use a tuple",
        (SIGNATURE, "def __init__(self, *, width=8, scales=[1]):"),
    ),
    fault(
        "an option that the target does not take",
        "options_agree_with_the_target",
        r"no parameter for the option 'depth'; let it take 'depth' as a keyword",
        (OPTION, OPTION + '    depth: int = 2\n    """Layers."""\n'),
    ),
    fault(
        "a default that is another in the target",
        "options_agree_with_the_target",
        r"'width' is 8 by default as an option and 16 in the target",
        (SIGNATURE, "def __init__(self, *, width=16):"),
    ),
    fault(
        "a parameter that is no option",
        "options_agree_with_the_target",
        r"the target needs 'depth', which is no option; make it an option",
        (SIGNATURE, "def __init__(self, *, depth, width=8):"),
    ),
    fault(
        "an option called as Frame's own",
        "options_leave_frames_names_alone",
        r"option 'name' is a setting of Frame .*; rename the option",
        (OPTION, OPTION + '    name: str = "x"\n    """A name."""\n'),
        (SIGNATURE, 'def __init__(self, *, width=8, name="x"):'),
    ),
    fault(
        "problems as one text",
        "problems_are_told",
        r"something else than texts; yield a text for each problem",
        (OPTION, OPTION + "\n    def problems(self):\n        return 'too wide'\n"),
    ),
    fault(
        "building that sets threads for all",
        "it_builds",
        r"changes torch's setting of the number of threads; leave such settings",
        (
            "        super().__init__()\n",
            "        super().__init__()\n        torch.set_num_threads(torch.get_num_threads() + 1)\n",
        ),
    ),
    fault(
        "building that uses its options up",
        "it_builds",
        r"building it changes its options; copy what it changes",
        (
            OPTION,
            OPTION
            + (
                '    more: dict[str, int] = __import__("pydantic").Field(default_factory=lambda: {"a": 1})\n'
                '    """More."""\n'
            ),
        ),
        (SIGNATURE, "def __init__(self, *, width=8, more=None):"),
        ("        super().__init__()\n", "        super().__init__()\n        more.pop('a')\n"),
    ),
    fault(
        "building that fails",
        "it_builds",
        r"can't be built with its options: ZeroDivisionError.*line \d+.*; mend the target",
        ("        super().__init__()\n", "        super().__init__()\n        width / 0\n"),
    ),
)

IMPORTS = (
    fault(
        "torch at registration",
        "registration_is_light",
        r"registering plugin .* imports .*torch.*; name targets by import strings",
        ("from frame import", "import torch\nfrom frame import"),
    ),
    fault(
        "options beside the model",
        "options_import",
        r"importing the options imports .*torch.*; put the class into a module of its own",
        ("frame_quiet_options:SmallOptions", "frame_quiet_model:SmallOptions"),
    ),
    fault(
        "a greeting at import",
        "imports_leave_no_trace",
        r"importing frame_quiet_model prints 'welcome'; print nothing at import",
        ("from torch import nn", "from torch import nn\n\nprint('welcome')"),
    ),
    fault(
        "a seed at import",
        "imports_leave_no_trace",
        r"importing frame_quiet_model changes torch's random state; do such things where the component is built",
        ("from torch import nn", "from torch import manual_seed, nn\n\nmanual_seed(0)"),
    ),
    fault(
        "a variable that is set at import",
        "imports_leave_no_trace",
        r"importing the plugin changes the environment variable QUIET; do such things where",
        ("from frame import", "import os\n\nos.environ['QUIET'] = '1'\nfrom frame import"),
    ),
    fault(
        "a default dtype for all",
        "imports_leave_no_trace",
        r"importing frame_quiet_model changes torch's setting of the default dtype; do such things",
        ("from torch import nn", "import torch\nfrom torch import nn\n\ntorch.set_default_dtype(torch.float64)"),
    ),
)
"""Faults of an installed distribution, in one of its three modules."""
