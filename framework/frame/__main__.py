"""``python -m frame``, and ``torchrun -m frame``."""

import sys

from frame.cli.main import main

sys.exit(main())
