"""`tutti study work SHARE`, inside a job: measures the job's points as `study run` does, into the spool.

Slurm may end the job at any moment and start it again from the top: what is in the spool is not measured
again. SIGUSR1, which Slurm sends before the time is up, lets the current run end (or the first one where none
has begun: short jobs are told early); then the job goes back into the queue, as it does when a node was lost.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from ..common import FAILED, OK, USAGE, Failure, say
from ..study.measure import Program, measure
from ..study.runner import next_round
from ..study.store import Run
from . import queue, share
from .spool import SPOOL, Spool, write_whole

RESERVE_S = 15  # before the end of the job, to write things down
PROBE_S = 30
# Of the job as a whole; a run that takes fewer ranks says its own.
INHERITED = ("SLURM_NTASKS", "SLURM_NPROCS", "SLURM_NTASKS_PER_NODE", "SLURM_CPUS_PER_TASK")


@dataclass(frozen=True)
class Mark:
    """What a task of a job says about itself."""

    id: str  # of the job in Slurm
    restart: int
    state: str  # running, completed, failed (points did), interrupted


def mark_file(folder: Path, name: str, task: int) -> Path:
    return folder / "jobs" / f"{name}.{task}.json"


def marks(folder: Path, name: str) -> list[Mark]:
    files = (folder / "jobs").glob(f"{name}.*.json")
    return [Mark(**json.loads(file.read_text())) for file in files if file.name.count(".") > name.count(".")]


class Interrupted(Exception):
    """The job cannot go on; what is left has to be done later."""


class Worker:
    def __init__(self, mine: share.Share, task: int, environment: Mapping[str, str]) -> None:
        self.share, self.task = mine, task
        self.began_s = time.monotonic()
        self.told = False  # that the time is nearly up
        self.job = environment.get("SLURM_JOB_ID", "0")
        self.array = environment.get("SLURM_ARRAY_JOB_ID", self.job)
        self.restart = int(environment.get("SLURM_RESTART_COUNT", "0"))
        self.nodes = int(environment.get("SLURM_JOB_NUM_NODES", "1"))
        self.spool = Spool(mine.folder / SPOOL)
        self.scratch = mine.folder / "jobs" / f"{mine.name}.{task}"
        self.program = Program(mine.program, mine.mpi, mine.allocation)
        self.new = self.failed = 0

    def tell(self, text: str) -> None:
        say(f"{time.strftime('%H:%M:%S')} {text}")

    def mark(self, state: str) -> None:
        text = json.dumps({"id": self.array, "restart": self.restart, "state": state})
        write_whole(mark_file(self.share.folder, self.share.name, self.task), text)

    def nearly_over(self, _number: int, _frame: FrameType | None) -> None:
        self.told = True

    @property
    def left_s(self) -> float:
        return self.share.time_s - RESERVE_S - (time.monotonic() - self.began_s)

    def run(self) -> int:
        signal.signal(signal.SIGUSR1, self.nearly_over)
        self.mark("running")
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir()
        try:
            why = self.rounds()
        except Interrupted as interrupted:
            return self.put_back(str(interrupted))
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)
        self.tell(why or f"nothing is left to do; {self.new} new runs, {self.failed} failed")
        self.mark("failed" if self.failed else "completed")
        return FAILED if self.failed else OK

    def rounds(self) -> str:
        """As runner.run; raises Interrupted."""
        rule = self.share.repeats
        points = self.share.tasks[self.task]
        times = {number: list(self.share.times.get(number, ())) for number in points}
        wall_s: dict[int, float] = defaultdict(float)
        used_s = self.share.used_s
        for _, _, run in self.spool.runs(points):
            if not run.failed and run.repeat > len(times[run.point]):
                times[run.point].append(run.time_s)
                wall_s[run.point] = max(wall_s[run.point], run.wall_s)
                used_s += run.wall_s
        left = set(points)
        while True:
            number, todo = next_round({point: times[point] for point in sorted(left)}, rule, self.share.seed)
            if not todo:
                return ""
            for point in todo:
                if used_s >= rule.budget_s:
                    return f"the budget of {rule.budget_s:g} s is used up"
                # the first run of a start may always try: else one that is too long would never be told
                self.check_time(1.5 * wall_s[point] if self.new else 0.0)
                run = self.one(point, number)
                used_s += run.wall_s
                if run.failed:
                    left.discard(point)
                else:
                    times[point].append(run.time_s)
                    wall_s[point] = max(wall_s[point], run.wall_s)

    def check_time(self, needed_s: float) -> None:
        if (self.told and self.new) or self.left_s < max(needed_s, 1.0):
            raise Interrupted("the time of the job is nearly up")

    def one(self, point: int, number: int) -> Run:
        """One run, in the spool; raises Interrupted where it says nothing about the point."""
        limit_s = min(self.share.repeats.limit_s, self.left_s)
        run = measure(point, self.share.points[point], number, self.program, limit_s, self.scratch)
        cut = run.failed and limit_s < self.share.repeats.limit_s and run.wall_s >= limit_s
        if cut and self.new:
            raise Interrupted("the time of the job was up within a run")
        if cut:
            run = replace(run, message=f"{run.message} at the end of the job")
        elif run.failed and self.restart < self.share.restarts and self.lost(run):
            raise Interrupted(run.message)
        self.new += not run.failed
        self.failed += run.failed
        unique = f"{self.job}-{self.restart}-{self.failed}"
        kept = self.spool.add(run, self.share.points[point], unique)
        what = run.message if run.failed else f"{run.time_s:.6g} s per iteration"
        self.tell(f"point {point}, repeat {number}: {what}{'' if kept else ' (was there already)'}")
        return run

    def lost(self, run: Run) -> bool:
        """True where a node is gone, not the app at fault."""
        # so ends a run on a node that comes back at once; srun's status may be that of another task
        killed = run.status == 128 + signal.SIGKILL or run.message.endswith(": Killed")
        # an app that ends well writes its result; srun has been seen to call the end of a node a good one
        silent = run.status == 0 and run.message.endswith(" wrote no result")
        if killed or silent or "Node failure" in run.message:
            return True
        if self.share.allocation.launcher != "srun":
            return False
        probe = [
            "srun",
            "--export=ALL",
            f"--nodes={self.nodes}",
            f"--ntasks={self.nodes}",
            "--wait=10",
            "true",
        ]
        try:
            return subprocess.run(probe, capture_output=True, timeout=PROBE_S, check=False).returncode != 0
        except (subprocess.TimeoutExpired, OSError):
            return True

    def put_back(self, why: str) -> int:
        self.mark("interrupted")
        if self.restart >= self.share.restarts:
            self.tell(f"{why}; it was restarted {self.restart} times, `tutti study submit` goes on from here")
            return FAILED
        self.tell(f"{why}; back into the queue")
        if not queue.requeue(self.job):
            self.tell("that was refused; `tutti study submit` goes on from here")
            return FAILED
        time.sleep(60)  # Slurm ends this
        return FAILED


def verb(file: str) -> int:
    mine = share.read(Path(file))
    task = int(os.environ.get("SLURM_ARRAY_TASK_ID", "0"))
    if not 0 <= task < len(mine.tasks):
        raise Failure(f"{file} has no task {task}", USAGE)
    for name in INHERITED:
        os.environ.pop(name, None)
    os.chdir(mine.directory)
    return Worker(mine, task, os.environ).run()
