"""Takes Open MPI's own talk out of a run's standard error and keeps what it says about a failure.

Open MPI frames its help texts with lines of 74 dashes; other talk starts with [host:pid]. The app's own
lines pass. A line `tutti: error: ...` passes once, even where every rank prints it.
"""

from __future__ import annotations

import re

FRAME = re.compile(r"^-{74}$")
NOISE = re.compile(
    r"^\[[^\]\s]+:\d+\] (\d+ more process(es)? (has|have) sent help message|Set MCA parameter"
    r"|\[\[\d+,\d+\],\S+\]|PMIX ERROR|PMIx|ORTE_ERROR_LOG|\*\*\* |Signal|Failing at|\[ ?\d+\] )"
    r"|^PMIX ERROR|^mpirun: |^\d+ total process(es)? (failed to start|killed)"
)
SLURM = re.compile(r"^(srun|slurmstepd[^:]*): ")
SRUN = re.compile(r"^srun: error: (?:(Node failure on \S+)|(\S+): (tasks? [\d,\[\]-]+): (.+))$")
ERROR = "tutti: error: "
ENDED = re.compile(r"MPI_ABORT was invoked|Primary job|exited with non-zero status|noticed that process")
SIGNAL = re.compile(r"process rank (\d+) with PID \d+ on node \S+ exited on\s+signal (\d+)(?: \(([^)]*)\))?")


class Filter:
    """Feed lines, print what comes back; afterwards ask for the line that explains a failure."""

    def __init__(self) -> None:
        self.errors: list[str] = []  # the app's own error lines
        self.blocks: list[str] = []  # Open MPI's framed texts
        self.signals: list[str] = []  # ranks ended by a signal
        self.slurm: list[str] = []  # what srun says about a failure
        self._open: list[str] | None = None

    def feed(self, line: str) -> list[str]:
        """The lines to show for one line (without its end) of standard error."""
        text = line.rstrip("\r\n")
        if text.startswith(ERROR):
            if text in self.errors:
                return []
            self.errors.append(text)
            return [text]
        if FRAME.match(text):
            if self._open is None:
                self._open = []
            else:
                self._close(self._open)
                self._open = None
            return []
        if self._open is not None:
            self._open.append(text)
            return []
        if SLURM.match(text):
            self.slurm.append(text)
            return []
        return [] if NOISE.match(text) else [text]

    def finish(self) -> list[str]:
        """What was held back in a frame that never closed."""
        held, self._open = self._open or [], None
        return held

    def _close(self, lines: list[str]) -> None:
        block = " ".join(line.strip() for line in lines if line.strip())
        if not block:
            return
        self.blocks.append(block)
        signal = SIGNAL.search(block)
        if signal:
            rank, number, name = signal.groups()
            self.signals.append(f"rank {rank} was ended by signal {number}" + (f" ({name})" if name else ""))

    def explanation(self, status: int, app: str) -> tuple[int, str | None]:
        """The exit status to pass on, and the one line to add where the app gave none."""
        if status == 0 or self.errors:
            return status, None
        if self.signals:
            return status, f"{app}: {self.signals[0]}"
        if self.slurm:
            return status, f"{app}: {srun_reason(self.slurm)}"
        if status > 128 or status < 0:
            number = status - 128 if status > 128 else -status
            return 128 + number, f"{app}: ended by signal {number}"
        own = [block for block in self.blocks if not ENDED.search(block)]
        if own and not any(ENDED.search(block) for block in self.blocks):
            return 3, f"mpirun could not start {app}: {first_sentence(own[0])}"
        return status, f"{app}: ended with status {status} without a message" if status != 1 else None


def first_sentence(text: str, longest: int = 200) -> str:
    sentence = re.split(r"(?<=[.:])\s", text, maxsplit=1)[0].rstrip(":")
    return sentence if len(sentence) <= longest else sentence[:longest].rsplit(" ", 1)[0] + " ..."


def srun_reason(lines: list[str]) -> str:
    """A lost node, else what became of the first task that ended badly, else srun's first line."""
    found = [match for match in map(SRUN.match, lines) if match]
    for match in found:
        if match[1]:
            return match[1]
    if found:
        _, node, task, what = found[0].groups()
        return f"{task} on {node}: {what}"
    return re.sub(r"^\S+ (error: )?", "", lines[0])
