"""How tests run: one thread for linear algebra, and no clock in hypothesis; machines are shared and slow at times."""

import os

from hypothesis import HealthCheck, settings

# Tests run side by side, and the threads of one would wait for those of another: 123 s instead of 4 for a fit.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

settings.register_profile("prep", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("prep"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "prep")
