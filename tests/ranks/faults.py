"""Runs `faulty` on several ranks and checks its last words: python faults.py FAULTY RANKS [LAUNCHER...]."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time

CASES: dict[str, tuple[int, str, int]] = {
    # fault: exit status, part of the message, most lines of it
    "usage": (2, "tutti: error: a planted usage error", 1),
    "throw": (3, "operation 'fault' tile", 1),
    "differ": (2, "the ranks recorded different operations", 1),
    "memory": (3, "field 'w' needs", 1),
    "hang": (3, "is inside operation 'fault'", 4),
}


def check(program: str, ranks: int, launcher: list[str], fault: str) -> str:
    """Describes what is wrong with the run, or nothing."""
    status, message, lines = CASES[fault]
    if fault == "differ" and ranks == 1:
        status, message, lines = 0, "", 0
    command = [*launcher, program, fault, "--threads", "1", "--watchdog", "2"]
    begin = time.monotonic()
    run = subprocess.run(command, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
    said = [line for line in run.stderr.splitlines() if line.startswith("tutti: error:")]
    if run.returncode != status:
        return f"{fault}: status {run.returncode}, not {status}\n{run.stderr}"
    if (status == 0) != (not said) or len(said) > lines:
        return f"{fault}: {len(said)} lines, wanted 1 to {lines}\n{run.stderr}"
    if message and not any(message in line for line in said):
        return f"{fault}: no line says {message!r}\n{run.stderr}"
    if fault == "throw" and "at step 5 of graph 'step': a planted fault" not in said[0]:
        return f"{fault}: the place is missing in {said[0]!r}"
    if time.monotonic() - begin > 60:
        return f"{fault}: took more than a minute to end"
    return ""


def abandoned() -> set[str]:
    """Files of shared memory that no process maps (other jobs on this machine have theirs)."""
    maps = []
    for path in pathlib.Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):  # it may have ended, or belong to somebody else
            maps.append(path.read_text())
    mapped = "".join(maps)
    return {str(path) for path in pathlib.Path("/dev/shm").iterdir() if str(path) not in mapped}


def check_death(program: str, launcher: list[str]) -> str:
    """A rank is killed in the middle of a run: the job ends and leaves nothing in shared memory."""
    before = abandoned()
    command = [*launcher, program, "die", "--threads", "1", "--watchdog", "20"]
    begin = time.monotonic()
    run = subprocess.run(command, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
    if run.returncode == 0:
        return "die: status 0"
    if time.monotonic() - begin > 15:
        return "die: the other ranks waited for the one that was killed"
    left = abandoned() - before
    return f"die: left behind: {', '.join(sorted(left))}" if left else ""


def main() -> int:
    program, ranks, *launcher = sys.argv[1:]
    os.environ["OMP_WAIT_POLICY"] = "passive"
    failures = [text for fault in CASES if (text := check(program, int(ranks), launcher, fault))]
    if text := check_death(program, launcher):
        failures.append(text)
    print("\n".join(failures) or f"{len(CASES) + 1} faults end as they should on {ranks} rank(s)")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
