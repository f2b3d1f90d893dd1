"""Property tests: the same examples on every run, or new ones for who looks for faults.

    HYPOTHESIS_PROFILE=explore python -m pytest tests/lattice

draws other examples each time, and keeps those that fail in `.hypothesis`, to try them first the next time.
"""

from __future__ import annotations

import os

from hypothesis import settings

# Whether a change is good must not depend on luck, nor on how busy the machine is.
settings.register_profile("ci", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
