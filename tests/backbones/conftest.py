"""A small backbone that every test may use, and none may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from frame_backbones.edgenext import edgenext_xx_small

if TYPE_CHECKING:
    from frame_backbones.timm_backbone import TimmBackbone


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def small() -> TimmBackbone:
    return edgenext_xx_small().eval()
