"""EdgeNeXt (Maaz et al., 2022, arXiv:2206.10589): convolutions, and attention across channels rather than positions.

Four sizes of one network; channels from the finest map on:
``xx_small`` 24 48 88 168, ``x_small`` 32 64 100 192, ``small`` 48 96 160 304, ``base`` 80 160 288 584.
"""

from __future__ import annotations

from functools import partial

from frame_backbones.timm_backbone import TimmBackbone

edgenext_xx_small = partial(TimmBackbone, model="edgenext_xx_small")
edgenext_x_small = partial(TimmBackbone, model="edgenext_x_small")
edgenext_small = partial(TimmBackbone, model="edgenext_small")
edgenext_base = partial(TimmBackbone, model="edgenext_base")
