"""What holds for backbones, experts and heads alike: how a module of PyTorch behaves in a training."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from frame.testing.outcome import fail, failing, skip
from frame.testing.replicas import replicas_of
from frame.testing.rig import Rig, differ, objective

if TYPE_CHECKING:
    from frame.testing.case import Subject
    from frame.testing.rig import Outputs


def check_it_is_a_module(subject: Subject) -> None:
    """What is built is a ``torch.nn.Module``."""
    built = subject.build()
    if not isinstance(built, nn.Module):
        fail(f"the target builds a {type(built).__name__}", "build a torch.nn.Module")


def check_forward(subject: Subject) -> None:
    """It can be run, in training and in evaluation; what comes out is of the contract's form, float32 and finite."""
    rig = Rig(subject)
    module = rig.build()
    for training in (True, False):
        module.train(training)
        mode = "training" if training else "evaluation"
        with failing(f"forward fails in {mode}", "mend it"):
            returned = rig.call(module, rig.inputs())
        for name, each in rig.outputs(returned).items():
            if each.is_floating_point() and each.dtype != torch.float32:
                fail(f"{name} is {each.dtype} for float32 inputs", "keep the precision of what comes in")
            if not each.isfinite().all():
                fail(f"{name} is not finite in {mode}", "look for a division, a root or a logarithm of 0")


def check_inputs_are_left_alone(subject: Subject) -> None:
    """What goes in is not changed: others use it after."""
    rig = Rig(subject)
    module, inputs = rig.build(), rig.inputs()
    before = [each.clone() for each in inputs]
    rig.run(module, inputs)
    if any(not torch.equal(*pair) for pair in zip(before, inputs, strict=True)):
        fail("forward changes its input in place", "use the form that makes a new tensor: x = x + 1, relu(x)")


def check_eval_is_deterministic(subject: Subject) -> None:
    """In evaluation the same input gives the same output, whatever the random state."""
    rig = Rig(subject)
    module, inputs = rig.build().eval(), rig.inputs()
    torch.manual_seed(1)
    first = _evaluated(rig, module, inputs)
    torch.manual_seed(2)
    second = _evaluated(rig, module, inputs)
    for name, each in first.items():
        if differ(each, second[name], tolerance=1e-6):
            fail(f"{name} is another in each evaluation", "draw random numbers only if self.training")


def check_eval_keeps_its_state(subject: Subject) -> None:
    """An evaluation changes no parameter and no buffer."""
    rig = Rig(subject)
    module = rig.build().eval()
    before = _tensors(module)
    _evaluated(rig, module, rig.inputs())
    for name, each in _tensors(module).items():
        if name not in before or differ(before[name], each, tolerance=0):
            fail(f"an evaluation changes {name}", "change statistics only if self.training")


def check_samples_are_independent(subject: Subject) -> None:
    """In evaluation what comes out for one sample does not depend on the others of its batch, nor on their number."""
    rig = Rig(subject)
    module = rig.build().eval()
    inputs = rig.inputs(batch=3)
    others = [torch.cat([each[:1], 5 * more[1:] + 1]) for each, more in zip(inputs, rig.inputs(3, seed=9), strict=True)]
    whole = _evaluated(rig, module, inputs)
    alone = _evaluated(rig, module, [each[:1] for each in inputs])
    beside = _evaluated(rig, module, others)
    remedy = "take no statistics over the batch in evaluation: dim=(2, 3), not (0, 2, 3)"
    for name, each in whole.items():
        if each.shape[:1] != (3,):
            skip(f"{name} is no tensor of the batch, which another check tells")
        if differ(each[:1], alone[name]):
            fail(f"{name} of a sample is another when it is alone in its batch", remedy)
        if differ(each[:1], beside[name][:1]):
            fail(f"{name} of a sample depends on the others of its batch", remedy)


def check_gradients(subject: Subject) -> None:
    """Every trainable parameter gets a finite gradient in training, and so does what goes in."""
    rig = Rig(subject)
    module = rig.build().train()
    inputs = [each.requires_grad_() for each in rig.inputs(batch=3)]
    outputs = rig.run(module, inputs)
    constant = [name for name, each in outputs.items() if name[:6] != "extras" and not each.requires_grad]
    remedy = "look for detach(), .data, no_grad or numpy on the way; or set requires_grad = False if it is meant so"
    trained = {name: each for name, each in module.named_parameters() if each.requires_grad}
    if constant and (trained or not any(True for _ in module.parameters())):
        fail(f"no gradient flows to {constant[0]}", remedy)
    if constant:
        skip("all of its parameters are frozen")
    objective(outputs).backward()  # type: ignore[no-untyped-call]
    if idle := [name for name, each in trained.items() if each.grad is None]:
        fail(f"{len(idle)} of {len(trained)} parameters get no gradient, such as {idle[0]}", remedy)
    for name, each in trained.items():
        if each.grad is not None and not each.grad.isfinite().all():
            fail(f"the gradient of {name} is not finite", "look for a division, a root or a logarithm of 0")
    if all(each.grad is None for each in inputs):
        fail("no gradient flows to what goes in", remedy)


def check_seed_decides_the_weights(subject: Subject) -> None:
    """Built with the same seed, it has the same weights: all processes of a run build their own."""
    first, second = _tensors(Rig(subject).build(3)), _tensors(Rig(subject).build(3))
    for name, each in first.items():
        if name not in second or not torch.equal(each, second[name]):
            fail(f"{name} is another each time, with the same seed", "draw weights from torch's own generator")


def check_state_dict(subject: Subject) -> None:
    """The state dict holds all that makes its outputs: loaded strictly into another one, that gives the same."""
    rig = Rig(subject)
    module, other, inputs = rig.build(1), rig.build(2), rig.inputs()
    if bare := [name for name, each in module.state_dict().items() if not isinstance(each, Tensor)]:
        fail(
            f"the state dict holds {bare[0]}, which is no tensor", "keep state in tensors: checkpoints are safetensors"
        )
    rig.run(module.train(), rig.inputs(seed=5))  # so that running statistics are others than in the beginning
    with failing("its state dict does not load into another one of it", "give parameters the same names each time"):
        other.load_state_dict(module.state_dict(), strict=True)
    found, expected = _evaluated(rig, other.eval(), inputs), _evaluated(rig, module.eval(), inputs)
    for name, each in expected.items():
        if differ(each, found[name]):
            fail(
                f"{name} is another after the state dict was loaded",
                "hold tensors as nn.Parameter or by register_buffer, and modules in nn.ModuleList or nn.ModuleDict",
            )


def check_copies(subject: Subject) -> None:
    """A deep copy gives the same, and shares no weight: averages of weights and other devices are made from copies."""
    rig = Rig(subject)
    module, inputs = rig.build().eval(), rig.inputs()
    expected = _evaluated(rig, module, inputs)
    with failing("a deep copy fails", "hold no generators, locks or open files on the module"):
        twin = copy.deepcopy(module)
    _compare(rig, twin, inputs, expected, "a deep copy")
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1.0)
    for name, each in _evaluated(rig, module, inputs).items():
        if differ(expected[name], each):
            fail("changing a deep copy changes the original", "keep no tensors on the class or in a module's globals")


def check_pickles(subject: Subject) -> None:
    """It can be pickled, as processes are handed it, and gives the same after."""
    rig = Rig(subject)
    module, inputs = rig.build().eval(), rig.inputs()
    expected = _evaluated(rig, module, inputs)
    with failing("pickling fails", "hold no lambda, local function or open file: use a method or functools.partial"):
        twin = pickle.loads(pickle.dumps(module))  # noqa: S301  (what was just written)
    _compare(rig, twin, inputs, expected, "what was pickled")


def check_data_parallel(subject: Subject) -> None:
    """Replicas in one process, as ``nn.DataParallel`` makes them, give the same, each by its own copy of the weights.

    Each replica is a shallow copy: what it assigns to itself in forward is lost, and what it holds beside parameters,
    buffers and modules is the original's, on another device.
    """
    rig = Rig(subject)
    module, inputs = rig.build().eval(), rig.inputs(batch=3)
    expected = _evaluated(rig, module, inputs)
    shards = [[each[:2] for each in inputs], [each[2:] for each in inputs]]
    remedy = "use only parameters, buffers and modules that are registered, and keep nothing on self in forward"
    with failing("replicas of it fail", remedy):
        twins, copies = replicas_of(module, 2)
        # One after another: what models keep by device, as timm's hooks do, is one thing on a CPU.
        found = [rig.outputs(rig.call(twin, shard)) for twin, shard in zip(twins, shards, strict=True)]
    for name, each in expected.items():
        parts = [shard[name] for shard in found]
        if any(part.ndim == 0 for part in parts) or [len(part) for part in parts] != [2, 1]:
            fail(
                f"{name} of replicas can't be joined along the batch", "let each output's first dimension be the batch"
            )
        if differ(each, torch.cat(parts)):
            fail(f"{name} of replicas is not what the module gives alone", remedy)
    for outputs, own, shard in zip(found, copies, shards, strict=True):
        missed = _missed(rig, module, shard, outputs, own)
        if missed is not None:
            fail(f"a replica uses the original's {missed} and not its own", remedy)


def _missed(rig: Rig, module: nn.Module, shard: list[Tensor], outputs: Outputs, own: list[Tensor]) -> str | None:
    """A parameter that the module learns by from a shard, and a replica's copy of it does not."""
    named = list(module.named_parameters())
    trained = [(name, each, twin) for (name, each), twin in zip(named, own, strict=True) if each.requires_grad]
    if not trained:
        return None
    names, originals, twins = zip(*trained, strict=True)
    alone = torch.autograd.grad(objective(rig.run(module, shard)), originals, allow_unused=True)
    through = torch.autograd.grad(objective(outputs), twins, allow_unused=True)
    for name, one, other in zip(names, alone, through, strict=True):
        if one is not None and one.any() and other is None:
            return str(name)
    return None


def check_mixed_precision(subject: Subject) -> None:
    """Under autocast in bfloat16 outputs and gradients are finite and about the same."""
    subject.needs("bf16")
    rig = Rig(subject)
    module, inputs = rig.build().eval(), rig.inputs()
    expected = _evaluated(rig, module, inputs)
    with failing("it can't be run under autocast in bfloat16", "let dtypes follow the input's, not torch.float32"):
        with torch.autocast("cpu", torch.bfloat16):
            outputs = rig.outputs(rig.call(module, inputs))
        objective(outputs).backward()  # type: ignore[no-untyped-call]
    for name, each in expected.items():
        if not outputs[name].isfinite().all():
            fail(f"{name} is not finite in bfloat16", "compute what is delicate with .float()")
        if name[:6] != "extras" and differ(each, outputs[name], tolerance=0.5):
            fail(f"{name} is quite another in bfloat16", "compute what is delicate with .float()")


def check_channels_last(subject: Subject) -> None:
    """Inputs whose channels come last in memory give the same: GPUs are faster with them."""
    rig = Rig(subject)
    module, inputs = rig.build().eval(), rig.inputs()
    expected = _evaluated(rig, module, inputs)
    with failing("it can't be run with channels last in memory", "use reshape or flatten, not view"):
        there = module.to(memory_format=torch.channels_last)
        turned = [each.contiguous(memory_format=torch.channels_last) for each in inputs]
        found = rig.outputs(rig.call(there, turned))
    for name, each in expected.items():
        if differ(each, found[name], tolerance=1e-3):
            fail(f"{name} is another with channels last in memory", "look for as_strided, view or data_ptr")


def check_export(subject: Subject) -> None:
    """``torch.export`` makes a graph of it, which gives the same."""
    subject.needs("export")
    rig = Rig(subject)
    module, inputs = rig.build().eval(), rig.inputs()
    expected = _evaluated(rig, module, inputs)
    with failing("torch.export makes no graph of it", "let no branch or size depend on values of a tensor"):
        program = torch.export.export(_Flat(rig, module), tuple(inputs), strict=False)
        found = dict(zip(expected, program.module()(*inputs), strict=True))
    for name, each in expected.items():
        if differ(each, found[name], tolerance=1e-3):
            fail(f"{name} is another when it is exported", "let no branch depend on values that were seen once")


SHARED = (
    check_it_is_a_module,
    check_forward,
    check_inputs_are_left_alone,
    check_eval_is_deterministic,
    check_eval_keeps_its_state,
    check_samples_are_independent,
    check_gradients,
    check_seed_decides_the_weights,
    check_state_dict,
    check_copies,
    check_pickles,
    check_data_parallel,
    check_mixed_precision,
    check_channels_last,
    check_export,
)


class _Flat(nn.Module):
    """A module whose outputs are a tuple of tensors, as a graph has them."""

    def __init__(self, rig: Rig, module: nn.Module) -> None:
        super().__init__()
        self.rig, self.module = rig, module

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.rig.outputs(self.rig.call(self.module, list(inputs))).values())


def _evaluated(rig: Rig, module: nn.Module, inputs: list[Tensor]) -> Outputs:
    with torch.no_grad():
        return rig.run(module, inputs)


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Copies of all parameters and buffers, those that are no part of the state dict too."""
    found = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {name: each.detach().clone() for name, each in found.items()}


def _compare(rig: Rig, module: nn.Module, inputs: list[Tensor], expected: Outputs, what: str) -> None:
    with failing(f"{what} can't be run", "hold nothing on the module that can't be copied"), torch.no_grad():
        found = rig.outputs(rig.call(module, inputs))
    for name, each in expected.items():
        if differ(each, found[name]):
            fail(f"{name} is another from {what}", "hold every tensor as a parameter or a buffer of the module")
