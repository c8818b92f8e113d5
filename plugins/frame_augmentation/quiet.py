"""albumentations, which at import would look for a newer version on the network unless a variable forbids it."""

from __future__ import annotations

import os
from unittest.mock import patch

with patch.dict(os.environ, NO_ALBUMENTATIONS_UPDATE="1"):
    import albumentations

__all__ = ["albumentations"]
