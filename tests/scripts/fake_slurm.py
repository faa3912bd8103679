#!/usr/bin/env python3
"""A stand-in for Slurm's commands, called by their names: keeps jobs in FAKE_SLURM/jobs.json and runs none.

FAKE_SLURM/mode steers it: 'refuse' makes sbatch say no, 'mute' makes it take the job and give no answer,
'late' makes it answer after two seconds, 'down' makes every command fail, 'lost' every srun. srun runs the
command once for each task, here.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ["FAKE_SLURM"])


def main() -> int:
    name, words = Path(sys.argv[0]).name, sys.argv[1:]
    with (FOLDER / "calls").open("a") as calls:
        calls.write(json.dumps([name, *words]) + "\n")
    mode = (FOLDER / "mode").read_text() if (FOLDER / "mode").is_file() else ""
    if name == "srun":
        return 1 if mode == "lost" else srun(words)
    if mode == "down":
        print(f"{name}: error: Unable to contact slurm controller (connect failure)", file=sys.stderr)
        return 1
    file = FOLDER / "jobs.json"
    jobs = json.loads(file.read_text()) if file.is_file() else []
    if name == "sbatch":
        if mode == "refuse":
            print("sbatch: error: invalid partition specified: nowhere", file=sys.stderr)
            return 1
        options = [
            line[8:].strip() for line in Path(words[-1]).read_text().splitlines() if line[:7] == "#SBATCH"
        ]
        values = dict(option.split("=", 1) for option in options if "=" in option)
        job = {"id": str(100 + len(jobs)), "name": values["--job-name"], "state": "PENDING", "words": words}
        file.write_text(json.dumps([*jobs, job]))
        if mode == "late":
            time.sleep(2)
        if mode != "mute":
            print(job["id"])
    if name == "squeue":
        for job in jobs:
            if job["state"] != "FORGOTTEN":
                print(f"{job['id']}|{job['name']}|{job['state']}|None")
    if name == "scancel":
        file.write_text(
            json.dumps([job | {"state": "CANCELLED"} if job["id"] in words else job for job in jobs])
        )
    return 1 if name == "sacct" else 0


def srun(words: list[str]) -> int:
    tasks = next((int(word[9:]) for word in words if word.startswith("--ntasks=")), 1)
    command = words[first(words) :]
    status = 0
    for task in range(tasks):
        there = {**os.environ, "SLURM_PROCID": str(task), "SLURM_NTASKS": str(tasks)}
        if tasks == 1:
            os.execvpe(command[0], command, there)
        found = subprocess.run(command, env=there, check=False).returncode
        if found < 0:
            print(f"srun: error: n{task + 1}: task {task}: Aborted", file=sys.stderr)
        status = max(status, 128 - found if found < 0 else found)
    return status


def first(words: list[str]) -> int:
    """Where the program's name stands."""
    return next(place for place, word in enumerate(words) if not word.startswith("--"))


if __name__ == "__main__":
    sys.exit(main())
