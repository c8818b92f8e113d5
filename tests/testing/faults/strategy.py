"""What can be wrong with a strategy."""

from __future__ import annotations

from tests.testing.fault import fault

LOADER = "    def setup_dataloader(self, loader):\n        return loader\n"
STATE = "return {name: each.detach().cpu() for name, each in self.unwrap(module).state_dict().items()}"

FAULTS = (
    fault(
        "a last batch that is dropped",
        "every_sample_is_seen",
        r"an epoch of 7 samples in batches of 3 sees 6; let setup_dataloader leave out no batch",
        (
            LOADER,
            LOADER.replace(
                "return loader",
                "order = loader.batch_sampler\n"
                "        loader.batch_sampler.__class__ = _short(type(order))\n"
                "        return loader",
            ),
        ),
        (
            "class Plain(Strategy)",
            (
                "def _short(kind):\n"
                "    return type('Short', (kind,), {'__len__': lambda self: self.length // self.batch_size})\n"
                "\n"
                "\n"
                "class Plain(Strategy)"
            ),
        ),
    ),
    fault(
        "a loss that is scaled",
        "steps_equal_one_devices",
        r"(the loss of step \d is|the weights after a run are others)",
        ("        loss.backward()\n", "        (loss * 2 + loss.detach()).square().backward()\n"),
    ),
    fault(
        "a step that is taken twice",
        "steps_equal_one_devices",
        r"the loss of step 2 is .*; .*step the optimizer once",
        ("        optimizer.step()\n", "        optimizer.step()\n        optimizer.step()\n"),
    ),
    fault(
        "names with a wrapper's prefix",
        "save_and_load",
        r"model_state_dict names .*; use the unwrapped model's names",
        (STATE, STATE.replace("{name:", "{'module.' + name:")),
    ),
    fault(
        "weights that are loaded into a copy",
        "save_and_load",
        r"is not what was loaded; copy into the weights that are trained",
        (
            "    @contextmanager\n",
            (
                "    def load_model_state_dict(self, module, state):\n"
                "        __import__('copy').deepcopy(module).load_state_dict(state)\n"
                "\n"
                "    @contextmanager\n"
            ),
        ),
    ),
    fault(
        "nobody who is the first",
        "one_process_is_the_first",
        r"of 1 processes 0 say that they are the first; say so for global rank 0 alone",
        ("return self.global_rank == 0", "return self.global_rank == 1"),
    ),
    fault(
        "a mean that divides twice",
        "what_processes_exchange",
        r"broadcast of ranks 0 to 0 is 1, not 0; see frame.Strategy",
        ("    def all_reduce(", "    def broadcast(self, value):\n        return value + 1\n\n    def all_reduce("),
    ),
    fault(
        "modes that don't come back",
        "evaluation_mode",
        r"after eval_module parts are in another mode than before; put each part's flag back",
        ("        for part, training in flags:\n            part.training = training\n", "        module.train()\n"),
    ),
    fault(
        "a validation in training",
        "evaluation_mode",
        r"a part of what eval_module gives is in training; call eval\(\)",
        ("yield module.eval()", "yield module"),
    ),
    fault(
        "a method with another signature",
        "it_is_a_strategy",
        r"all_reduce does not take 'op'; give it the signature",
        ('def all_reduce(self, value, op="sum")', "def all_reduce(self, value)"),
    ),
    fault(
        "something that is no strategy",
        "it_is_a_strategy",
        r"builds a str; derive the class from frame.Strategy",
        ("@hookimpl", "def build(*, device='cpu'):\n    return device\n\n\n@hookimpl"),
        ('{__name__}:Plain"', '{__name__}:build"'),
    ),
)
