"""How many cores this process may use, and which launcher starts MPI ranks."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

CPUS = Path("/sys/devices/system/cpu")
QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """Physical cores in the affinity mask, cut to the quota of a container."""
    allowed = os.sched_getaffinity(0)
    count = len({siblings(cpu) for cpu in allowed})
    return max(1, min(count, quota(count)))


def siblings(cpu: int) -> str:
    """A name that the hardware threads of one core share."""
    try:
        return (CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def quota(default: int) -> int:
    try:
        limit, period = QUOTA.read_text().split()
        return default if limit == "max" else max(1, int(limit) // int(period))
    except (OSError, ValueError):
        return default


@functools.cache
def launcher() -> str:
    """'openmpi', 'other' (Hydra and its kin) or '' where there is no mpirun."""
    if shutil.which("mpirun") is None:
        return ""
    answer = subprocess.run(["mpirun", "--version"], capture_output=True, text=True, check=False)
    return "openmpi" if re.search(r"Open ?MPI|open-mpi", answer.stdout + answer.stderr) else "other"
