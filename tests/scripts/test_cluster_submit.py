"""`study submit` and its state: never twice, nothing lost, a bound on what is tried again."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import pytest
from clusters import Cluster
from studies import STRONG, failure, run

from tutti_cli.cluster import queue
from tutti_cli.study import store


def test_a_job_for_each_number_of_nodes_and_none_twice(cluster: Cluster) -> None:
    status, text = cluster.submit()
    assert status == 0 and "job 100 nodes-1: SUBMITTED, 1 node, 2 points" in text
    assert [job["name"] for job in cluster.known()] == [entry["name"] for entry in cluster.entries()]
    assert [entry["tasks"] for entry in cluster.entries()] == [[[0, 1]], [[2, 3]]]
    assert [entry["nodes"] for entry in cluster.entries()] == [1, 2]
    status, text = cluster.submit()
    assert status == 0 and len(cluster.known()) == 2 and "PENDING" in text


def test_the_script_asks_for_what_the_site_says(cluster: Cluster) -> None:
    cluster.study('time = "02:30:00"\n')
    cluster.submit(after=("7",))
    words = cluster.calls("sbatch")[1]
    assert words[0] == "--parsable" and f"--chdir={cluster.output}" in words
    assert "--dependency=afterok:7" in words
    exported = next(word for word in words if word.startswith("--export="))
    assert "PATH" in exported.removeprefix("--export=").split(",") and "ALL" not in exported
    lines = Path(words[-1]).read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    name = cluster.entries()[1]["name"]
    for option in (
        f"job-name={name}",
        "nodes=2",
        "ntasks-per-node=1",
        "cpus-per-task=1",
        "time=02:30:00",
        "partition=short",
        "hint=nomultithread",
        "exclusive",
        "signal=B:USR1@120",
        "requeue",
        "open-mode=append",
        f"output=jobs/{name}.0.log",
    ):
        assert f"#SBATCH --{option}" in lines
    assert not any(
        line.startswith(("#SBATCH --account", "#SBATCH --gpus", "#SBATCH --array")) for line in lines
    )
    exports = [shlex.split(line)[1] for line in lines if line.startswith("export ")]
    assert exports == ["GREETING=it's $(here)"]
    command = shlex.split(next(line for line in lines if line.startswith("exec ")))
    assert command[2:] == [
        str(Path(__file__).resolve().parents[2] / "scripts/tutti"),
        "study",
        "work",
        str(cluster.output / "jobs" / f"{name}.share"),
    ]


def test_what_sbatch_refuses_is_told_and_forgotten(cluster: Cluster) -> None:
    cluster.mode("refuse")
    status, text = cluster.submit()
    assert status == 3 and "tutti: error: sbatch: sbatch: error: invalid partition" in text
    assert cluster.entries() == []
    cluster.mode("")
    assert cluster.submit()[0] == 0 and len(cluster.known()) == 2


def test_a_submission_whose_answer_was_lost_is_found_again(cluster: Cluster) -> None:
    cluster.mode("mute")
    status, text = cluster.submit()
    assert status == 3 and "no number" in text
    assert len(cluster.known()) == 1 and [entry["id"] for entry in cluster.entries()] == [""]
    cluster.mode("")
    status, text = cluster.submit()
    assert status == 0 and [entry["id"] for entry in cluster.entries()] == ["100", "101"]
    assert len(cluster.known()) == 2, "the first job is not submitted again"


def test_a_submission_that_never_arrived_is_made_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_words: object, _lock: int) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(queue, "submit", killed)
        with pytest.raises(KeyboardInterrupt):
            cluster.submit()
    assert [entry["id"] for entry in cluster.entries()] == [""] and cluster.known() == []
    status, text = cluster.submit()
    assert status == 0 and "Slurm never got tutti-out-nodes-1-" in text
    assert len(cluster.known()) == 2 == len(cluster.entries())


def test_a_job_that_slurm_forgot_is_known_by_its_own_words(cluster: Cluster) -> None:
    cluster.mode("mute")
    cluster.submit()
    name = cluster.entries()[0]["name"]
    mark = cluster.output / "jobs" / f"{name}.0.json"
    mark.write_text('{"id": "100", "restart": 0, "state": "running"}')
    cluster.mode("")
    cluster.end("FORGOTTEN")
    status, text = cluster.status()
    assert status == 1 and "ended: job 100 nodes-1: KILLED" in text


def test_nothing_is_submitted_where_slurm_cannot_be_asked(cluster: Cluster) -> None:
    cluster.submit()
    cluster.mode("down")
    for call in (cluster.submit, cluster.status, cluster.cancel):
        status, text = call()
        assert status == 3 and "squeue: squeue: error: Unable to contact slurm controller" in text
    assert len(cluster.calls("sbatch")) == 2


def test_what_failed_is_submitted_again_and_given_up_in_the_end(cluster: Cluster) -> None:
    cluster.study("attempts = 2\n")
    cluster.submit()
    cluster.leave(run(0, 1, 1.0))
    cluster.leave(failure(2, "it broke"))
    cluster.end("FAILED")
    status, text = cluster.submit()
    assert status == 0 and len(cluster.entries()) == 4 and "tasks 2x1 failed: it broke" in text
    assert cluster.entries()[2]["before"] == {"0": 1, "1": 0}
    cluster.leave(run(0, 2, 1.0))
    cluster.end("TIMEOUT")
    status, text = cluster.submit()
    assert status == 1 and "bulk 1x1 is given up, 2 jobs brought no new run" in text
    assert len(cluster.entries()) == 4 and "3 points not complete" in text
    status, text = cluster.submit(retry=True)
    assert status == 0 and [entry["tasks"] for entry in cluster.entries()[4:]] == [[[1]], [[2, 3]]]


def test_cancelled_jobs_are_no_attempts(cluster: Cluster) -> None:
    cluster.study("attempts = 1\n")
    for _ in range(2):
        assert cluster.submit()[0] == 0
        status, text = cluster.cancel()
        assert status == 0 and "2 jobs cancelled" in text
    assert len(cluster.known()) == 4 and {job["state"] for job in cluster.known()} == {"CANCELLED"}
    assert cluster.cancel() == (0, "study: 0 jobs cancelled; `tutti study submit` goes on from here\n")


@pytest.mark.parametrize(
    ("slurm", "tasks"),
    [
        ("jobs = []", [[[0, 1, 2, 3]]]),
        ('jobs = ["nodes", "schedule"]', [[[0]], [[1]], [[2]], [[3]]]),
        ('array = ["schedule"]', [[[0], [1]], [[2], [3]]]),
        ('jobs = []\narray = ["ranks"]', [[[0, 1], [2, 3]]]),
    ],
)
def test_the_file_says_what_is_a_job(cluster: Cluster, slurm: str, tasks: list[list[list[int]]]) -> None:
    cluster.study(slurm)
    cluster.submit()
    assert [entry["tasks"] for entry in cluster.entries()] == tasks
    scripts = [Path(words[-1]).read_text() for words in cluster.calls("sbatch")]
    for script, entry in zip(scripts, cluster.entries(), strict=True):
        number = len(entry["tasks"])
        assert (f"#SBATCH --array=0-{number - 1}\n" in script) == (number > 1)


def test_jobs_one_after_another(cluster: Cluster) -> None:
    cluster.study("one_after_another = true\n")
    cluster.submit()
    first, second = cluster.calls("sbatch")
    assert not any("dependency" in word for word in first) and "--dependency=afterany:100" in second


def test_a_dry_run_shows_all_and_does_nothing(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    status, text = cluster.submit(dry_run=True)
    assert status == 0 and text.count("#!/bin/bash") == 2 and text.count("$ sbatch --parsable") == 2
    assert text.count("srun --export=ALL --nodes=2 --ntasks=2") == 2
    assert "4 points would be submitted; nothing was" in text
    assert not cluster.output.exists() and cluster.calls("sbatch") == []


def test_five_hundred_points_render_fast(cluster: Cluster) -> None:
    numbers = ", ".join(str(number) for number in range(1, 251))
    cluster.study('jobs = ["nodes", "steps"]\n', STRONG.replace("steps = 10\n", "").replace("[1, 2]", "[1]"))
    cluster.file.write_text(cluster.file.read_text().replace("[axes]", f"[axes]\nsteps = [{numbers}]"))
    begin = time.process_time()
    status, text = cluster.submit(dry_run=True)
    assert time.process_time() - begin < 2.0
    assert status == 0 and text.count("#!/bin/bash") == 250 and "500 points would be" in text
    cluster.study('jobs = ["steps", "schedule"]\n', cluster.file.read_text().split("[slurm]")[0])
    begin = time.process_time()
    status, text = cluster.submit(dry_run=True)
    assert time.process_time() - begin < 2.0 and text.count("#!/bin/bash") == 500


@pytest.mark.parametrize(
    ("slurm", "why"),
    [
        ("jobs = ['colour']", "[slurm] jobs: takes a list of some of nodes, ranks, threads, grid"),
        ("array = ['nodes']", "[slurm] array: nodes stands in jobs too"),
        ("time = '90'", '[slurm] time: takes "HH:MM:SS"'),
        ("time = '00:00:30'", "[slurm] time: takes whole minutes"),
        ("attempt = 1", "[slurm] unknown key 'attempt' (did you mean 'attempts'?)"),
        ("site = 1", "[slurm] site: takes a name"),
        ("one_after_another = 1", "[slurm] one_after_another: takes true or false"),
    ],
)
def test_what_a_study_may_not_say(cluster: Cluster, slurm: str, why: str) -> None:
    cluster.study(slurm)
    status, text = cluster.submit()
    assert status == 2 and why in text and cluster.known() == []


@pytest.mark.parametrize(
    ("site", "why"),
    [
        ("cores_per_node = 0", "cores_per_node: takes a whole number from 1"),
        ('partition = "a b"', "partition: takes only"),
        ('account = "$(id)"', "account: takes only"),
        ('partition = "--uid=0"', "partition: takes only"),
        ('constraint = "a\\n#SBATCH --uid=0"', "constraint: takes one line of text"),
        ('modules = ["gcc; id"]', "modules: takes only"),
        ('export = ["A=1"]', "export: takes only"),
        ('memory = "all"', "memory: takes only"),
        ('launcher = "sh"', "launcher: takes srun or mpirun"),
        ('exclusive = "yes"', "exclusive: takes true or false"),
        ("launcher_options = [1]", "launcher_options: takes one line of text"),
        ("grace = 1", "grace: takes a whole number from 10"),
        ('partitions = "x"', "unknown key 'partitions' (did you mean 'partition'?)"),
        ('[environment]\n"A-B" = "1"', "[environment] A-B: is no name of a variable"),
    ],
)
def test_what_a_site_may_not_say(cluster: Cluster, site: str, why: str) -> None:
    cluster.site.write_text(site if "cores_per_node" in site else f"cores_per_node = 4\n{site}")
    status, text = cluster.submit()
    assert status == 2 and why in text and not cluster.output.exists()


def test_points_that_no_node_can_hold(cluster: Cluster) -> None:
    cluster.study("", STRONG.replace("[1, 2]", "[1, 16]"))
    status, text = cluster.submit()
    assert status == 2 and "tasks 16x1 needs 16 nodes, a job of this site has at most 8" in text
    cluster.study("", STRONG.replace("[axes]", "[axes]\nthreads = [8]"))
    status, text = cluster.submit()
    assert status == 2 and "1 x 8 on a node that has 4 cores" in text
    cluster.study("", "fit = true\n" + STRONG.replace("[1, 2]", "[1, 16]"))
    status, text = cluster.submit()
    assert status == 0 and len(store.load(cluster.output).study.points) == 2


def test_sites_are_found_by_name(cluster: Cluster) -> None:
    cluster.site = Path("nowhere")
    status, text = cluster.submit()
    assert status == 2 and "no site 'nowhere': --site NAME" in text and "test-cluster" in text
