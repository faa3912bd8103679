"""`tutti bench`: the microbenchmarks, by themselves, against another build or against a kept baseline."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import machine
from .common import OK, ROOT, USAGE, Failure, build_dir, say
from .statistics import estimate, median

NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
PROGRAM = "tutti_bench"

Times = dict[str, list[float]]  # by benchmark: ns of one iteration, in each repeat


@dataclass
class Baseline:
    """What is kept in results/bench: the raw repeats, and where they come from."""

    times: Times
    about: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def read(file: Path) -> Baseline:
        try:
            kept = json.loads(file.read_text())
            times = {str(name): [float(t) for t in list_] for name, list_ in kept["times_ns"].items()}
            if not times or not all(times.values()):
                raise ValueError("no times")
            return Baseline(times, {str(k): str(v) for k, v in kept["about"].items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
            raise Failure(f"bench: {file} is no baseline ({type(problem).__name__}: {problem})") from None

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"about": self.about, "times_ns": self.times}, indent=1) + "\n")


def command(program: Path, filter_: str | None, seconds: float, out: Path) -> list[str]:
    words = [str(program), f"--benchmark_min_time={seconds}", f"--benchmark_out={out}"]
    words.append("--benchmark_out_format=json")
    return [*words, f"--benchmark_filter={filter_}"] if filter_ else words


def parse(text: str) -> dict[str, float]:
    """Google Benchmark's JSON: name to time; where a benchmark counts nodes, the time per node."""
    found: dict[str, float] = {}
    for one in json.loads(text)["benchmarks"]:
        if one.get("run_type", "iteration") != "iteration" or one.get("error_occurred"):
            continue
        per_node = one.get("time_per_node")  # seconds
        name = re.sub(r"/(real_time|manual_time|iterations:\d+)", "", one["name"])
        time_ns = per_node * 1e9 if per_node else one["real_time"] * NANOSECONDS[one["time_unit"]]
        found[name] = time_ns
    return found


def run_once(program: Path, filter_: str | None, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        environment = {**os.environ, "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive")}
        done = subprocess.run(
            command(program, filter_, seconds, out),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
            raise Failure(f"bench: {program.name} ended with status {done.returncode}: {lines[-1]}")
        found = parse(out.read_text()) if out.is_file() and out.stat().st_size > 0 else {}
    if not found:
        raise Failure(f"bench: no benchmark of {program.name} fits --filter '{filter_}'", USAGE)
    return found


def measure(programs: Sequence[Path], filter_: str | None, seconds: float, repeats: int) -> list[Times]:
    """Rounds of all programs; which one is first changes from round to round."""
    all_times: list[Times] = [{} for _ in programs]
    for number in range(repeats):
        say(f"bench: repeat {number + 1} of {repeats}")
        for i in range(len(programs)):
            which = (i + number) % len(programs)
            for name, time_ns in run_once(programs[which], filter_, seconds).items():
                all_times[which].setdefault(name, []).append(time_ns)
    return all_times


def duration(time_ns: float) -> str:
    for unit, factor in (("ms", 1e6), ("us", 1e3)):
        if time_ns >= factor:
            return f"{time_ns / factor:.4g} {unit}"
    return f"{time_ns:.4g} ns"


def table(now: Times, before: Times | None) -> list[str]:
    """One line per benchmark: median and interval, and the ratio of medians to the other one."""
    width = max(len(name) for name in now) + 2
    lines = [f"{'benchmark':{width}}{'median':>12}{'interval':>26}" + (f"{'ratio':>9}" if before else "")]
    for name, times in now.items():
        e = estimate(times)
        line = f"{name:{width}}{duration(e.median):>12}{f'{duration(e.low)} .. {duration(e.high)}':>26}"
        if before:
            line += f"{e.median / median(before[name]):9.3f}" if name in before else f"{'new':>9}"
        lines.append(line)
    lines += [f"{name:{width}}{'gone':>12}" for name in before or {} if name not in now]
    return lines


def program_of(path: str | None, preset: str) -> Path:
    if path is None:
        program = build_dir(preset) / "tests" / PROGRAM
        if not program.is_file():
            raise Failure(
                f"bench: there is no {program.relative_to(ROOT)}: run `tutti build --preset {preset}`"
                " (it needs Google Benchmark, apt: libbenchmark-dev)"
            )
        return program
    given = Path(path)
    program = given / "tests" / PROGRAM if given.is_dir() else given
    if not os.access(program, os.X_OK):
        raise Failure(f"bench: {program} is not an executable file", USAGE)
    return program


def provenance() -> dict[str, str]:
    commit = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    answer = subprocess.run(commit, capture_output=True, text=True, check=False).stdout.strip()
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "git_commit": answer or "unknown",
        "cpu_model": model.group(1) if model else "unknown",
        "cores": str(machine.cores()),
    }


def note(about: Mapping[str, str], here: Mapping[str, str]) -> str | None:
    """What makes a kept baseline hard to compare with."""
    other = [k for k in ("cpu_model", "cores") if about.get(k) != here[k]]
    return f"bench: the baseline is of another machine ({about.get('cpu_model')})" if other else None


def verb(
    preset: str,
    against: str | None,
    output: str | None,
    filter_: str | None,
    repeats: int,
    seconds: float,
) -> int:
    """--against FILE.json compares with kept repeats, --against BUILD (a folder or a program) interleaves."""
    if repeats < 1 or seconds <= 0:
        raise Failure("bench: --repeats and --seconds must be positive", USAGE)
    own = program_of(None, preset)
    here = provenance()
    before: Times | None = None
    if against is not None and against.endswith(".json"):
        kept = Baseline.read(Path(against))
        text = note(kept.about, here)
        if text:
            say(text)
        before = kept.times
        [now] = measure([own], filter_, seconds, repeats)
        if filter_:
            before = {name: times for name, times in before.items() if name in now}
    elif against is not None:
        now, before = measure([own, program_of(against, preset)], filter_, seconds, repeats)
    else:
        [now] = measure([own], filter_, seconds, repeats)
    say("\n".join(table(now, before)))
    if output is not None:
        Baseline(now, here).write(Path(output))
        say(f"bench: {output}")
    return OK
