"""The head with a mixture of experts at every level."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from frame import Prediction, UserError
from frame_heads.decoder import Decoder, Laterals
from frame_heads.layers import in_graph
from frame_heads.mixture import Mixture, dispatch
from frame_heads.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


PER_EXPERT = ("router", "load", "scores", "bias")


class MoE(nn.Module):
    """A sparse mixture of experts (Shazeer et al., 2017, arXiv:1701.06538) on each of the backbone's maps.

    Every level is brought to ``width`` channels; there a router chooses ``top_k`` experts for each image, and their
    weighted outputs are added to the map. The decoder is that of :class:`frame_heads.fpn.FPN`.

    Parameters
    ----------
    channels
        Channels of each of the backbone's maps, finest first.
    strides
        Their strides; not used, for the maps themselves say their sizes.
    num_classes
        ``K``, the channels of the logits.
    experts
        What builds each expert, called with ``channels=width`` once a level.
    shared
        What builds one more expert a level, which works on every image (Dai et al., 2024, arXiv:2401.06066).
    top_k
        Experts that work on an image, at each level.
    width
        Channels of every map in the head.
    temperature, noise, dense_warmup, selection_bias
        Of the routers, see :class:`frame_heads.router.Router`.
    side_outputs
        Give logits at the coarser levels too.
    """

    def __init__(
        self,
        *,
        channels: Sequence[int],
        strides: Sequence[int],
        num_classes: int,
        experts: Sequence[Callable[..., nn.Module]],
        shared: Callable[..., nn.Module] | None = None,
        top_k: int = 3,
        width: int = 64,
        temperature: float = 1.0,
        noise: float = 0.0,
        dense_warmup: float = 0.0,
        selection_bias: bool = False,
        side_outputs: bool = True,
    ) -> None:
        super().__init__()
        self.laterals = Laterals(channels, width)
        self.mixtures = nn.ModuleList(
            Mixture(
                [expert(channels=width) for expert in experts],
                Router(
                    channels=width,
                    experts=len(experts),
                    top_k=top_k,
                    temperature=temperature,
                    noise=noise,
                    dense_warmup=dense_warmup,
                    selection_bias=selection_bias,
                ),
                shared(channels=width) if shared else None,
            )
            for _ in channels
        )
        names = [str(getattr(expert, "name", None) or getattr(expert, "__name__", "expert")) for expert in experts]
        self.experts = _distinct(names)
        self.extra_names = {f"{what}.{level}": self.experts for what in PER_EXPERT for level in range(len(channels))}
        self.decoder = Decoder(levels=len(channels), width=width, num_classes=num_classes, side_outputs=side_outputs)

    def switch_off(self, names: Sequence[str]) -> None:
        """Let no router choose the experts of these names, from now on; with none, let them choose from all again.

        Raises
        ------
        UserError
            If there is no expert of that name, or none would be left.
        """
        if unknown := set(names) - set(self.experts):
            raise UserError(f"no expert is called {sorted(unknown)[0]!r}; there are: {', '.join(self.experts)}")
        off = [index for index, name in enumerate(self.experts) if name in names]
        if len(off) == len(self.experts):
            raise UserError("one expert at least must be left")
        for mixture in self.mixtures:
            mixture.router.switch_off(off)  # type: ignore[union-attr, operator]

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> Prediction:
        """One map ``[B, C_i, h_i, w_i]`` a level, finest first, to logits ``[B, K, *size]``.

        ``extras`` holds for each level, finest first, ``"router.0"``: the router's softmax over all experts,
        ``"load.0"``: 1 for the chosen experts, else 0, ``"scores.0"``: what the softmax is taken of, and with a
        selection bias ``"bias.0"``: that bias, the same for all images. All are ``[B, E]`` float32.
        """
        maps = self.laterals(features)
        layers: list[Mixture] = list(self.mixtures)  # type: ignore[arg-type]
        routings = [layer.router(x) for layer, x in zip(layers, maps, strict=True)]
        if in_graph():
            maps = [layer.dense(x, r.weights) for layer, x, r in zip(layers, maps, routings, strict=True)]
        else:
            plans = dispatch(routings)
            maps = [
                layer.sparse(x, r.weights, plan)
                for layer, x, r, plan in zip(layers, maps, routings, plans, strict=True)
            ]
        logits, side = self.decoder(maps, size)
        extras = {f"router.{level}": routing.probabilities for level, routing in enumerate(routings)}
        extras |= {f"load.{level}": routing.load for level, routing in enumerate(routings)}
        extras |= {f"scores.{level}": routing.scores for level, routing in enumerate(routings)}
        for level, (layer, routing) in enumerate(zip(layers, routings, strict=True)):
            if layer.router.bias is not None:
                extras[f"bias.{level}"] = layer.router.bias.float().expand_as(routing.load)
        return Prediction(logits, side, extras)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names of experts, the second of a name with its number."""
    found: list[str] = []
    for name in names:
        own, number = name, 1
        while own in found or (number > 1 and own in names):
            number += 1
            own = f"{name}_{number}"
        found.append(own)
    return tuple(found)
