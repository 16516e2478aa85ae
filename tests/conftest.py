"""What all tests share: the profiles of the property-based tests.

``HYPOTHESIS_PROFILE`` chooses one: ``dev`` (quick), ``ci`` (what ``make test`` uses: the same
examples in every run) or ``deep`` (``make deep``).
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

# Deadlines measure the machine, not the code; the timeout of pytest catches what hangs.
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=200,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "deep",
    deadline=None,
    max_examples=5_000,
    print_blob=True,
    phases=tuple(Phase),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
