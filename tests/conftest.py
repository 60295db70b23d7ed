"""Settings for all tests: timings never decide one, and threads are set, not left to defaults."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch and NumPy are imported

from hypothesis import HealthCheck, settings

settings.register_profile(
    "seatrial",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)
settings.load_profile("seatrial")
