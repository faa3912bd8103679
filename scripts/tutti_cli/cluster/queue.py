"""What is asked of Slurm: sbatch, squeue, sacct, scancel, scontrol. Words only, no shell."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..common import ENVIRONMENT, Failure
from .state import Entry

LIVE = (
    *("PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "COMPLETING"),
    *("STAGE_OUT", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"),
)
ASK_S = 60  # a controller that is busy


@dataclass(frozen=True)
class Known:
    """A job, or a task of one, as Slurm tells it."""

    id: str  # of the job; all tasks of an array have one
    state: str
    reason: str = ""

    @property
    def live(self) -> bool:
        return self.state in LIVE


def call(*words: str, keep: Sequence[int] = ()) -> str:
    """The command's output; a Failure with its first line of complaint."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=ASK_S,
            pass_fds=keep,
            start_new_session=bool(keep),  # what the terminal sends must not leave a submission half done
        )
    except FileNotFoundError as problem:
        raise Refusal(f"there is no {words[0]} on PATH: is this a cluster's login node?") from problem
    except subprocess.TimeoutExpired as problem:
        raise Failure(f"{words[0]} gave no answer within {ASK_S} s") from problem
    if done.returncode != 0:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise Refusal(f"{words[0]}: {lines[0] if lines else f'ended with status {done.returncode}'}")
    return done.stdout


class Refusal(Failure):
    """Slurm said no, or was not asked at all."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ENVIRONMENT)


def submit(words: Sequence[str], lock: int) -> str:
    """The id of the new job. sbatch holds the study's lock too: where this command is killed meanwhile, the
    next one does not ask Slurm before the answer is there."""
    answer = call(*words, keep=[lock]).strip()
    found = re.fullmatch(r"(\d+)(;.*)?", answer.splitlines()[-1] if answer else "")
    if found is None:
        raise Failure(
            f"sbatch answered '{answer}' and no number; `study status` asks Slurm what became of it"
        )
    return found.group(1)


def in_queue() -> dict[str, list[Known]]:
    """The user's jobs by name, also those that ended lately."""
    user = pwd.getpwuid(os.getuid()).pw_name
    text = call("squeue", "--noheader", f"--user={user}", "--states=all", "--format=%F|%j|%T|%r")
    found: dict[str, list[Known]] = {}
    for line in text.splitlines():
        parts = line.strip().split("|")
        if len(parts) == 4:
            job, name, state, reason = parts
            found.setdefault(name, []).append(Known(job, state, reason))
    return found


def in_accounting(entry: Entry) -> list[Known]:
    """What the accounting has of a job; empty where there is none."""
    words = ["sacct", "--noheader", "--parsable2", "--allocations", f"--name={entry.name}"]
    words += [f"--starttime={entry.submitted[:10]}", "--format=JobID,State"]
    try:
        text = call(*words)
    except Failure:
        return []
    found = []
    for line in text.splitlines():
        parts = line.split("|")
        if len(parts) == 2 and parts[1]:
            found.append(Known(parts[0].split("_")[0], parts[1].split()[0]))
    return found


def cancel(entries: Sequence[Entry]) -> None:
    call("scancel", *(entry.id for entry in entries))


def requeue(job: str) -> bool:
    try:
        call("scontrol", "requeue", job)
    except Failure:
        return False
    return True


def look(entry: Entry, queue: dict[str, list[Known]], folder: Path) -> list[Known]:
    """What became of a job, from the queue, the accounting, or its own words; empty: nobody knows it."""
    from .work import marks

    found = queue.get(entry.name) or in_accounting(entry)
    return found or [
        # Slurm forgets jobs that ended; one that was running then was killed
        Known(mark.id, "KILLED" if mark.state == "running" else mark.state.upper())
        for mark in marks(folder, entry.name)
    ]
