"""A stand-in for Slurm on PATH, and a study that is submitted to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from studies import FAKE, STRONG

from tutti_cli.cluster import verbs
from tutti_cli.cluster.spool import SPOOL, Spool
from tutti_cli.common import Failure, complain
from tutti_cli.study import store
from tutti_cli.study.store import Run

SITE = 'cores_per_node = 4\nnodes = 8\npartition = "short"\n[environment]\nGREETING = "it\'s $(here)"\n'


@dataclass
class Cluster:
    """One study file, its folder, and the stand-in's memory."""

    top: Path
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        self.memory, self.output = self.top / "slurm", self.top / "out"
        self.file, self.site = self.top / "s.toml", self.top / "site.toml"
        bin_folder = self.top / "bin"
        for folder in (self.memory, bin_folder):
            folder.mkdir()
        for name in ("sbatch", "squeue", "sacct", "scancel", "scontrol", "srun"):
            (bin_folder / name).symlink_to(Path(__file__).parent / "fake_slurm.py")
        self.site.write_text(SITE)
        self.study("")

    def study(self, slurm: str, text: str = STRONG, initial: int = 2) -> None:
        text = text.replace("{app}", str(FAKE)).replace("{initial}", str(initial))
        self.file.write_text(f"{text}[slurm]\nranks_per_node = 1\n{slurm}")

    def mode(self, mode: str) -> None:
        (self.memory / "mode").write_text(mode)

    def submit(
        self, *, dry_run: bool = False, retry: bool = False, after: tuple[str, ...] = ()
    ) -> tuple[int, str]:
        words = (str(self.file), str(self.output), "release", str(self.site), after, dry_run, retry)
        return self._call(verbs.submit_verb, *words)

    def status(self) -> tuple[int, str]:
        return self._call(verbs.status_verb, str(self.output))

    def collect(self, pauses: Callable[[float], None] | None = None) -> tuple[int, str]:
        """With what is done in the pauses of --wait, where that is asked for."""
        wait = () if pauses is None else (pauses,)
        return self._call(verbs.collect_verb, str(self.output), bool(wait), *wait)

    def cancel(self) -> tuple[int, str]:
        return self._call(verbs.cancel_verb, str(self.output))

    def _call(self, verb: Any, *words: Any) -> tuple[int, str]:  # noqa: ANN401
        self.capsys.readouterr()
        try:
            status = verb(*words)
        except Failure as failure:
            complain(str(failure))
            status = failure.status
        return status, "".join(self.capsys.readouterr())

    def calls(self, name: str) -> list[list[str]]:
        file = self.memory / "calls"
        lines = file.read_text().splitlines() if file.is_file() else []
        return [words[1:] for words in map(json.loads, lines) if words[0] == name]

    def known(self) -> list[dict[str, Any]]:
        """The jobs that the stand-in has."""
        file = self.memory / "jobs.json"
        return json.loads(file.read_text()) if file.is_file() else []

    def end(self, state: str, *ids: str) -> None:
        jobs = [job | {"state": state} if not ids or job["id"] in ids else job for job in self.known()]
        (self.memory / "jobs.json").write_text(json.dumps(jobs))

    def entries(self) -> list[dict[str, Any]]:
        return json.loads((self.output / "cluster.json").read_text())["jobs"]

    def leave(self, run: Run, job: str = "100-0-1") -> bool:
        """As a job does: a run into the spool."""
        return Spool(self.output / SPOOL).add(run, store.load(self.output).study.points[run.point], job)
