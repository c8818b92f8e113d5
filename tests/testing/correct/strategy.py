"""A strategy that keeps the contract: one device, by methods of its own."""

from contextlib import contextmanager

import torch

from frame import Component, Options, Strategy, hookimpl


class PlainOptions(Options):
    device: str = "cpu"
    """Where it runs."""


class Plain(Strategy):
    def __init__(self, *, device="cpu"):
        self.device = device

    @property
    def root_device(self):
        return torch.device(self.device)

    @property
    def is_global_zero(self):
        return self.global_rank == 0

    def setup_dataloader(self, loader):
        return loader

    def backward(self, loss):
        loss.backward()

    def optimizer_step(self, optimizer):
        optimizer.step()

    def all_reduce(self, value, op="sum"):
        return value

    def model_state_dict(self, module, *, full=True):
        return {name: each.detach().cpu() for name, each in self.unwrap(module).state_dict().items()}

    @contextmanager
    def eval_module(self, module):
        flags = [(part, part.training) for part in module.modules()]
        yield module.eval()
        for part, training in flags:
            part.training = training


@hookimpl
def frame_strategies():
    yield Component(name="plain", target=f"{__name__}:Plain", options=f"{__name__}:PlainOptions", summary="One device")
