"""CPU seconds from the shell to the last line of commands that read nothing: `python -m benchmarks.startup`.

The least of five starts each: what is above it is the machine at other work. Wanted: 0.3 s for help, 0.5 s for plan.
"""

from __future__ import annotations

import os
import subprocess
import sys

COMMANDS = (["--help"], ["plan", "--params", "10e9"], ["plan", "--check", "7B 13T"])
TRIES = 5


def seconds(arguments: list[str]) -> float:
    """User and system time of one start."""
    process = subprocess.Popen([sys.executable, "-m", "prep", *arguments], stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    for command in COMMANDS:
        print(f"{min(seconds(command) for _ in range(TRIES)):.2f} s  prep {' '.join(command)}")
