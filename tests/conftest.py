"""One thread for linear algebra: tests run side by side, and its threads would wait for each other."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
