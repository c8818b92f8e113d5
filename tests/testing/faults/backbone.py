"""What can be wrong with a backbone, and with any module of PyTorch."""

from __future__ import annotations

from tests.testing.fault import fault

FORWARD = "        fine = F.relu(self.norm(self.stem(image)))\n"
DEEP = "self.deep = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)"
BUILDS = '        self.register_buffer("mean", torch.zeros(3, 1, 1))\n'

FAULTS = (
    fault(
        "channels that are not the maps'",
        "maps_are_as_said",
        r"map 1 .* correct self.channels",
        ("self.channels = (width, 2 * width)", "self.channels = (width, width)"),
    ),
    fault(
        "strides that are not the maps'",
        "maps_are_as_said",
        r"map 1 .* correct self.channels and self.strides",
        ("self.strides = (2, 4)", "self.strides = (2, 8)"),
    ),
    fault(
        "a row that is lost at odd sizes",
        "maps_at_odd_sizes",
        r"map 1 of an image of 65 x 97 .* pad the image",
        (DEEP, "self.deep = nn.Conv2d(width, 2 * width, 2, stride=2)"),
    ),
    fault(
        "a crash at odd sizes",
        "maps_at_odd_sizes",
        r"fails on an image of 65 x 97: .* pad the image",
        (FORWARD, FORWARD + "        fine = fine.unflatten(2, (-1, 2)).flatten(2, 3)\n"),
    ),
    fault(
        "the coarsest map first",
        "channels_and_strides",
        r"strides \(4, 2\) fall; return the finest map first",
        ("return [fine, coarse]", "return [coarse, fine]"),
        ("self.strides = (2, 4)", "self.strides = (4, 2)"),
        ("self.channels = (width, 2 * width)", "self.channels = (2 * width, width)"),
    ),
    fault(
        "no channels",
        "channels_and_strides",
        r"channels are None; set self.channels",
        ("        self.channels = (width, 2 * width)\n", ""),
    ),
    fault(
        "a tensor instead of a list of maps",
        "forward",
        r"returns a tensor .*; return a list of maps",
        ("return [fine, coarse]", "return coarse"),
    ),
    fault(
        "a forward that raises in training",
        "forward",
        r"forward fails in training: AttributeError.*\(faulty_backbone.*py, line \d+\)",
        (FORWARD, FORWARD + "        if self.training:\n            self.rate\n"),
    ),
    fault(
        "infinity where a map is 0",
        "forward",
        r"map 0 is not finite .* logarithm of 0",
        (
            FORWARD,
            FORWARD.replace("F.relu(", "torch.log(F.relu(").replace("))))", ")))))").replace("image)))", "image))))"),
        ),
    ),
    fault(
        "maps in float64",
        "forward",
        r"map 0 is torch.float64 .* keep the precision",
        ("return [fine, coarse]", "return [fine.double(), coarse]"),
    ),
    fault(
        "an in-place change of the image",
        "inputs_are_left_alone",
        r"changes its input in place; .* x = x \+ 1",
        ("image = image - self.mean", "image = image.mul_(0.5)"),
    ),
    fault(
        "statistics over the batch in evaluation",
        "samples_are_independent",
        r"map 0 of a sample .*; take no statistics over the batch",
        (FORWARD, FORWARD + "        fine = fine - fine.mean(0, keepdim=True)\n"),
    ),
    fault(
        "a batch normalisation that is always in training",
        "samples_are_independent",
        r"take no statistics over the batch in evaluation",
        (FORWARD, FORWARD + "        fine = F.batch_norm(fine, None, None, training=True)\n"),
    ),
    fault(
        "dropout in evaluation",
        "eval_is_deterministic",
        r"another in each evaluation; .* only if self.training",
        (FORWARD, FORWARD + "        fine = F.dropout(fine, 0.5)\n"),
    ),
    fault(
        "a count that goes on in evaluation",
        "eval_keeps_its_state",
        r"an evaluation changes seen; .* only if self.training",
        (BUILDS, BUILDS + '        self.register_buffer("seen", torch.zeros(()))\n'),
        (FORWARD, FORWARD + "        self.seen += 1\n"),
    ),
    fault(
        "detach in the middle",
        "gradients",
        r"no gradient flows to map 0; look for detach",
        (FORWARD, FORWARD + "        fine = fine.detach()\n"),
    ),
    fault(
        "a layer that nothing uses",
        "gradients",
        r"2 of 8 parameters get no gradient, such as spare.weight; .* requires_grad = False",
        (BUILDS, BUILDS + "        self.spare = nn.Linear(3, 3)\n"),
    ),
    fault(
        "a layer that is hidden in a list",
        "state_dict",
        r"another after the state dict was loaded; .* nn.ModuleList",
        (DEEP, "self.deep = [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)]"),
        ("F.relu(self.deep(fine))", "F.relu(self.deep[0](fine))"),
        ("[self.deep]]", "self.deep]"),
    ),
    fault(
        "a tensor that is no buffer",
        "state_dict",
        r"another after the state dict was loaded; .* register_buffer",
        (BUILDS, "        self.mean = torch.randn(3, 1, 1)\n"),
    ),
    fault(
        "names that count instances",
        "state_dict",
        r"does not load into another one of it: .* the same names",
        (
            BUILDS,
            BUILDS + "        Small.made += 1\n        self.add_module(f'layer{Small.made}', nn.Conv2d(3, 3, 1))\n",
        ),
        ("class Small(nn.Module):\n", "class Small(nn.Module):\n    made = 0\n\n"),
    ),
    fault(
        "weights from a generator without a seed",
        "seed_decides_the_weights",
        r"stem.weight is another each time, with the same seed; draw weights from torch's own",
        (BUILDS, BUILDS + "        nn.init.normal_(self.stem.weight, generator=_unseeded())\n"),
        (
            "class Small(nn.Module)",
            "def _unseeded():\n    g = torch.Generator()\n    g.seed()\n    return g\n\n\nclass Small(nn.Module)",
        ),
    ),
    fault(
        "a lock on the module",
        "copies",
        r"a deep copy fails: TypeError: cannot pickle '_thread.lock' object.*; hold no",
        (BUILDS, BUILDS + "        self.lock = __import__('threading').Lock()\n"),
    ),
    fault(
        "a lambda on the module",
        "pickles",
        r"pickling fails: .*; hold no lambda",
        (BUILDS, BUILDS + "        self.act = lambda x: F.relu(x)\n"),
        ("coarse = F.relu(", "coarse = self.act("),
    ),
    fault(
        "an alias that replicas don't follow",
        "data_parallel",
        r"a replica uses the original's deep.weight .*; use only parameters, buffers and modules that are registered",
        (BUILDS, BUILDS + "        self.layers = [self.deep]\n"),
        ("F.relu(self.deep(fine))", "F.relu(self.layers[0](fine))"),
    ),
    fault(
        "a precision that is fixed",
        "mixed_precision",
        r"can't be run under autocast in bfloat16: .*; let dtypes follow",
        (
            FORWARD,
            FORWARD
            + "        fine = torch.zeros(fine.shape).index_add(0, torch.arange(len(fine)), self.stem(image))\n",
        ),
    ),
    fault(
        "a view of memory",
        "channels_last",
        r"can't be run with channels last in memory: .*; use reshape or flatten",
        (FORWARD, FORWARD + "        fine = fine.view(len(fine), -1).view(fine.shape)\n"),
    ),
    fault(
        "a branch that depends on values",
        "export",
        r"torch.export makes no graph of it: .*; let no branch",
        (FORWARD, FORWARD + "        if fine.mean() > 0.1:\n            fine = 2 * fine\n"),
    ),
    fault(
        "a layer that no stage holds",
        "stages",
        r"no stage holds norm.weight; list every module in a stage",
        ("[[self.stem, self.norm], [self.deep]]", "[[self.stem], [self.deep]]"),
    ),
    fault(
        "something that is no module",
        "it_is_a_module",
        r"builds a function; build a torch.nn.Module",
        (
            "@hookimpl",
            (
                "def build(*, width=8):\n"
                "    model = Small(width=width)\n"
                "    return lambda image: model(image)\n"
                "\n"
                "\n"
                "@hookimpl"
            ),
        ),
        ('{__name__}:Small"', '{__name__}:build"'),
    ),
)
