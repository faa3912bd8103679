"""Runs `faulty` on several ranks and checks its last words: python faults.py FAULTY RANKS [LAUNCHER...]."""

import os
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


def main() -> int:
    program, ranks, *launcher = sys.argv[1:]
    os.environ["OMP_WAIT_POLICY"] = "passive"
    failures = [text for fault in CASES if (text := check(program, int(ranks), launcher, fault))]
    print("\n".join(failures) or f"{len(CASES)} faults end as they should on {ranks} rank(s)")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
