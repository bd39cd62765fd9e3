"""``python -m k8snb``: the same as the command ``k8snb``."""

from __future__ import annotations

import sys

from k8snb.cli import main

if __name__ == "__main__":
    sys.exit(main())
