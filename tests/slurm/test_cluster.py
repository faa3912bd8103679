"""Studies on a real Slurm of four nodes, from its login node (cluster.sh). What takes long is run at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import pytest
from waiting import until

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = Path(__file__).parent / "cluster.sh"
FAKE = ROOT / "tests" / "scripts" / "fake_heat.py"
ARGUMENTS = Path(__file__).parent / "say_arguments.py"
HEAT = Path(os.environ.get("TUTTI_HEAT", ROOT / "build/release/bin/heat"))

# Real heat; each repeat is one run on 2 to 4 nodes that share the cores of this machine.
STRONG = """kind = "strong"
app = "{heat}"
[arguments]
grid = [32, 32, 32]
steps = 10
repeat = 1
[axes]
ranks = {ranks}
schedule = ["tasks"]
[repeats]
initial = {initial}
[slurm]
ranks_per_node = 1
"""
FAKED = """kind = "strong"
app = "{fake}"
[arguments]
grid = [64, 64, 64]
steps = 10
[axes]
ranks = [1, 2]
schedule = ["tasks", "bulk"]
[repeats]
initial = {initial}
limit_s = {limit_s}
[slurm]
ranks_per_node = 1
"""


@dataclass
class Bench:
    """A study of one test, in a folder of its own."""

    folder: Path
    file: Path
    site: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def output(self) -> Path:
        return self.folder / "out"

    def call(self, *words: str | Path) -> tuple[int, str]:
        command = [sys.executable, ROOT / "scripts" / "tutti", "study", *words]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=170, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def submit(self, *words: str) -> tuple[int, str]:
        return self.call("submit", self.file, "--site", self.site, "--output", self.output, *words)

    def collect(self) -> tuple[int, str]:
        return self.call("collect", self.output, "--wait")

    def jobs(self) -> list[dict]:
        return json.loads((self.output / "cluster.json").read_text())["jobs"]

    def runs(self) -> list[dict]:
        with h5py.File(self.output / "study.h5") as file:
            rows = file["runs"][:]
        names = rows.dtype.names
        return [
            {n: v.decode() if isinstance(v, bytes) else v for n, v in zip(names, row, strict=True)}
            for row in rows.tolist()
        ]

    def repeats(self) -> list[tuple[int, int]]:
        """Point and number of each good run, sorted."""
        return sorted((run["point"], run["repeat"]) for run in self.runs() if not run["failed"])

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted((self.output / "jobs").glob("*.log")))


Make = Callable[..., Bench]


def make(
    folder: Path, study: str, *, nodes: Sequence[str] = (), mode: str = "", mpi: bool = False, name: str = "s"
) -> Bench:
    folder.mkdir(parents=True, exist_ok=True)
    site = (ROOT / "slurm" / "sites" / "test-cluster.toml").read_text()
    site = site.replace("exclusive = true", "exclusive = false")
    if nodes:
        site = site.replace("[environment]", f'constraint = "{"|".join(nodes)}"\n[environment]')
    if not mpi:  # plain processes start faster
        site = site.replace('"--mpi=pmix"', '"--mpi=none"')
    site += f'FAKE_HEAT = "{mode}"\n'
    bench = Bench(folder, folder / f"{name}.toml", folder / "site.toml")
    bench.site.write_text(site)
    bench.file.write_text(study)
    return bench


def slurm(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout


def faked(initial: int, limit_s: int = 60) -> str:
    text = FAKED.replace("{fake}", str(FAKE)).replace("{initial}", str(initial))
    return text.replace("{limit_s}", str(limit_s))


def real(ranks: str, initial: int) -> str:
    text = STRONG.replace("{heat}", str(HEAT)).replace("{ranks}", ranks)
    return text.replace("{initial}", str(initial))


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bench]:
    """Submits the studies that take long or wait; the tests then look at one after another."""
    top = tmp_path_factory.mktemp("slurm")
    one = faked(1).replace("[1, 2]", "[1]").replace(', "bulk"', "")
    found = {
        # longer than the job may take: one run that does not end, and 30 runs of a second each
        "hang": make(top / "hang", one.replace("limit_s = 60", "limit_s = 600"), nodes=["n1"], mode="hang"),
        "slow": make(top / "slow", one.replace("initial = 1", "initial = 30"), nodes=["n1"], mode="slow"),
        "array": make(top / "array", faked(2) + 'jobs = []\narray = ["schedule"]\n', nodes=["n1", "n2"]),
        "crash": make(top / "crash", faked(1) + "attempts = 2\n", nodes=["n1", "n2"], mode="crash2"),
        # last: its node is to fail before its runs are over
        "lost": make(top / "lost", real("[2]", 6), nodes=["n3", "n4"], mpi=True),
    }
    for name in ("hang", "slow"):
        found[name].file.write_text(found[name].file.read_text() + 'time = "00:01:00"\n')
    for name in ("hang", "slow", "lost"):
        found[name].file.write_text(found[name].file.read_text() + "restarts = 6\n")
    for bench in found.values():
        status, text = bench.submit()
        assert status == 0, text
    return found


def test_a_node_is_lost(benches: dict[str, Bench]) -> None:
    spool = benches["lost"].output / "spool"
    until(lambda: any(spool.glob("point-*.json")), 60, "the first run")
    subprocess.run([CLUSTER, "fail", "n4"], check=True, timeout=30)


def test_tasks_of_an_array(benches: dict[str, Bench]) -> None:
    bench = benches["array"]
    (job,) = bench.jobs()
    assert len(job["tasks"]) == 2
    states = slurm("squeue", "--noheader", "--array", "--states=all", f"--jobs={job['id']}", "--format=%K")
    assert sorted(states.split()) == ["0", "1"]
    status, text = bench.collect()
    assert status == 0 and "4 of 4 points complete, 8 good runs, 0 failed" in text, text + bench.logs()
    assert bench.repeats() == [(point, repeat) for point in range(4) for repeat in (1, 2)]


def test_a_point_that_fails_and_then_does_not(benches: dict[str, Bench]) -> None:
    bench = benches["crash"]
    status, text = bench.collect()
    assert status == 1 and "tasks 2x1 failed: fake_heat.py: task" in text and "Aborted" in text, text
    assert bench.repeats() == [(0, 1), (1, 1)] and len(bench.runs()) == 4
    bench.site.write_text(bench.site.read_text().replace("crash2", ""))
    status, text = bench.submit()
    assert status == 0 and len(bench.jobs()) == 3, text  # only the job of two nodes again
    status, text = bench.collect()
    assert status == 0 and "4 of 4 points complete" in text, text + bench.logs()
    assert bench.repeats() == [(point, 1) for point in range(4)] and len(bench.runs()) == 6


HOSTILE = [
    "a b",
    "$(touch caught)",
    "`touch caught`",
    "'; touch caught; '",
    '"',
    "*",
    "\\",
    "line\nline",
    "ü",
]


def test_parameters_are_data(tmp_path: Path) -> None:
    folder = tmp_path / "$(touch caught) 'it' \"is\" ; a study"
    study = f"""kind = "none"
app = "{ARGUMENTS}"
[axes]
text = {json.dumps(HOSTILE)}
[repeats]
initial = 1
[slurm]
jobs = ["text"]
"""
    bench = make(folder, study, nodes=["n1", "n2"], name="$(touch caught);'x'")
    bench.site.write_text(bench.site.read_text() + "ODD = \"$(touch caught) 'x' `touch caught`\"\n")
    status, text = bench.submit()
    assert status == 0 and len(bench.jobs()) == len(HOSTILE), text
    status, text = bench.collect()
    assert status == 0, text + bench.logs()
    got = [
        json.loads(run["result"])["arguments"] for run in sorted(bench.runs(), key=lambda run: run["point"])
    ]
    assert got == [["--threads", "1", "--text", value, "--quiet"] for value in HOSTILE]
    assert not list(tmp_path.rglob("caught"))


def test_a_study_that_lost_a_node_is_complete(benches: dict[str, Bench]) -> None:
    bench = benches["lost"]
    job = bench.jobs()[0]["id"]
    until(lambda: "Restarts=1" in slurm("scontrol", "show", "job", job), 60, "the requeue")
    subprocess.run([CLUSTER, "boot", "n4"], check=True, timeout=30)
    status, text = bench.collect()
    assert status == 0 and "1 of 1 point complete, 6 good runs, 0 failed" in text, text + bench.logs()
    assert bench.repeats() == [(0, repeat) for repeat in range(1, 7)], "no repeat is lost or there twice"
    assert len({run["checksum"] for run in bench.runs()}) == 1
    assert len(bench.jobs()) == 1


def test_strong_scaling_from_file_to_report(tmp_path: Path) -> None:
    bench = make(tmp_path, real("[1, 2, 4]", 2), mpi=True)
    status, text = bench.submit()
    assert status == 0 and len(re.findall(r"job \d+ nodes-[124]: ", text)) == 3, text
    status, text = bench.submit()  # again, at once: all points are in jobs already
    assert status == 0 and len(bench.jobs()) == 3, text
    status, text = bench.collect()
    assert status == 0 and "3 of 3 points complete, 6 good runs, 0 failed" in text, text + bench.logs()
    assert bench.repeats() == [(point, repeat) for point in range(3) for repeat in (1, 2)]
    assert len({run["checksum"] for run in bench.runs()}) == 1, "the same bits on any number of nodes"
    results = [json.loads(run["result"]) for run in bench.runs()]
    assert {one["ranks"] for one in results} == {1, 2, 4}
    assert any("srun --export=ALL --nodes=4 --ntasks=4" in run["command"] for run in bench.runs())
    hosts = {rank["host"] for one in results for rank in one["machine"]["affinity"] if one["ranks"] == 4}
    assert hosts == {"n1", "n2", "n3", "n4"}
    assert not list((bench.output / "spool").iterdir())
    status, text = bench.call("report", bench.output)
    assert status == 0 and "All 3 points have the same checksum" in text, text
    assert (bench.output / "report.html").is_file()


def test_a_run_that_does_not_end_within_the_job(benches: dict[str, Bench]) -> None:
    bench = benches["hang"]
    status, text = bench.collect()
    assert status == 1 and "no end after 45 s, stopped at the end of the job" in text, text + bench.logs()
    assert len(bench.runs()) == 1 and bench.runs()[0]["failed"]
    bench.site.write_text(bench.site.read_text().replace("hang", ""))
    status, text = bench.submit()
    assert status == 0, text
    status, text = bench.collect()
    assert status == 0 and "1 of 1 point complete" in text, text + bench.logs()


def test_a_job_whose_time_is_up_goes_on(benches: dict[str, Bench]) -> None:
    bench = benches["slow"]
    status, text = bench.collect()
    assert status == 0 and "1 of 1 point complete, 30 good runs, 0 failed" in text, text + bench.logs()
    assert bench.repeats() == [(0, repeat) for repeat in range(1, 31)]
    assert "back into the queue" in bench.logs() and len(bench.jobs()) == 1


def test_cancel(tmp_path: Path) -> None:
    bench = make(tmp_path, faked(1, limit_s=600), nodes=["n1", "n2"], mode="hang")
    status, text = bench.submit()
    assert status == 0, text
    status, text = bench.call("cancel", bench.output)
    assert status == 0 and "2 jobs cancelled" in text, text
    ids = ",".join(job["id"] for job in bench.jobs())
    until(lambda: not slurm("squeue", "--noheader", f"--jobs={ids}").strip(), 30, "the end of the jobs")
    status, text = bench.call("status", bench.output)
    assert status == 1 and "0 of 4 points complete" in text, text
