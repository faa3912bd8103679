"""What a job does with its share, and how that gets into study.h5: every repeat, and each once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from clusters import Cluster
from conftest import ROOT, Study
from studies import STRONG, failure, run
from waiting import until

from tutti_cli.cluster import progress
from tutti_cli.common import Failure
from tutti_cli.study import store
from tutti_cli.study.summary import summarise
from tutti_cli.study.tables import numbers

ONE = STRONG.replace("[1, 2]", "[1]").replace(', "bulk"', "")


def work(cluster: Cluster, number: int = 0, mode: str = "", **variables: str) -> subprocess.Popen[str]:
    """Starts what the script of a job starts."""
    name = cluster.entries()[number]["name"]
    there = {"SLURM_JOB_ID": str(100 + number), "SLURM_JOB_NUM_NODES": "1", "FAKE_HEAT": mode, **variables}
    return subprocess.Popen(
        [
            sys.executable,
            ROOT / "scripts" / "tutti",
            "study",
            "work",
            cluster.output / "jobs" / f"{name}.share",
        ],
        env={**os.environ, **there},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    text, _ = process.communicate(timeout=60)
    return process.returncode, text


def good(cluster: Cluster) -> list[tuple[int, int]]:
    kept = store.load(cluster.output)
    return sorted((one.point, one.repeat) for one in kept.runs if not one.failed)


def mark(cluster: Cluster, task: int = 0) -> str:
    name = cluster.entries()[0]["name"]
    return json.loads((cluster.output / "jobs" / f"{name}.{task}.json").read_text())["state"]


def spool(cluster: Cluster) -> list[str]:
    return sorted(path.name for path in (cluster.output / "spool").iterdir())


def test_jobs_measure_what_study_run_measures(cluster: Cluster, study: Study, tmp_path: Path) -> None:
    cluster.study("", initial=1)
    cluster.submit()
    for number in range(2):
        status, text = ended(work(cluster, number))
        assert status == 0 and "nothing is left to do; 2 new runs, 0 failed" in text
    assert mark(cluster) == "completed"
    cluster.end("COMPLETED", "100")
    status, text = cluster.collect()
    assert status == 0 and "4 runs collected, 4 in all" in text and "job 101 nodes-2: PENDING" in text
    assert len(spool(cluster)) == 4, "a job that is left may read them"
    cluster.end("COMPLETED")
    status, text = cluster.collect()
    assert (
        status == 0
        and "0 runs collected, 4 in all" in text
        and "complete: scripts/tutti study report" in text
    )
    assert spool(cluster) == [] and good(cluster) == [(point, 1) for point in range(4)]
    assert study("run", cluster.file, tmp_path / "here")[0] == 0
    here, there = store.load(tmp_path / "here"), store.load(cluster.output)
    assert here.study.points == there.study.points
    assert {one.checksum for one in here.runs} == {one.checksum for one in there.runs}
    tables = [numbers(summarise(kept)) for kept in (here, there)]
    layouts = [[row[:2] for row in table] for table in tables]
    assert layouts[0] == layouts[1] and len(layouts[0]) == 5
    assert all("srun --export=ALL --nodes=" in one.command for one in there.runs)


def test_tasks_of_an_array_take_their_own_points(cluster: Cluster) -> None:
    cluster.study('jobs = []\narray = ["ranks"]\n', initial=1)
    cluster.submit()
    status, text = ended(work(cluster, SLURM_ARRAY_TASK_ID="1", SLURM_ARRAY_JOB_ID="99"))
    assert status == 0 and {name[:10] for name in spool(cluster)} == {"point-0002", "point-0003"}
    assert mark(cluster, 1) == "completed"
    status, text = ended(work(cluster, SLURM_ARRAY_TASK_ID="2"))
    assert status == 2 and "has no task 2" in text


def test_the_signal_before_the_end_lets_a_run_end_and_requeues(cluster: Cluster) -> None:
    cluster.study("", ONE, 4)
    cluster.submit()
    process = work(cluster, mode="slow")
    until(lambda: list((cluster.output / "spool").glob("point-*")))
    process.send_signal(signal.SIGUSR1)
    until(lambda: cluster.calls("scontrol"))
    process.terminate()  # as Slurm does when it requeues
    _, text = ended(process)
    assert "the time of the job is nearly up; back into the queue" in text
    assert mark(cluster) == "interrupted" and cluster.calls("scontrol") == [["requeue", "100"]]
    before = spool(cluster)
    assert 1 <= len(before) < 4
    status, text = ended(work(cluster, SLURM_RESTART_COUNT="1"))
    assert status == 0 and f"{4 - len(before)} new runs" in text and set(before) < set(spool(cluster))


def test_a_job_is_not_restarted_forever(cluster: Cluster) -> None:
    cluster.study("restarts = 2\n", ONE, 4)
    cluster.submit()
    share = next((cluster.output / "jobs").glob("*.share"))
    share.write_text(json.dumps({**json.loads(share.read_text()), "time_s": 0}))
    status, text = ended(work(cluster, SLURM_RESTART_COUNT="2"))
    assert status == 1 and "restarted 2 times, `tutti study submit` goes on" in text
    assert cluster.calls("scontrol") == [] and spool(cluster) == []


def test_a_run_longer_than_the_job_is_a_failure(cluster: Cluster) -> None:
    cluster.study("", ONE)
    cluster.submit()
    share = next((cluster.output / "jobs").glob("*.share"))
    share.write_text(json.dumps({**json.loads(share.read_text()), "time_s": 17}))
    status, text = ended(work(cluster, mode="hang"))
    assert status == 1 and "no end after 2 s, stopped at the end of the job" in text
    assert len(spool(cluster)) == 1 and mark(cluster) == "failed"


def test_a_failing_point_and_a_lost_node(cluster: Cluster) -> None:
    cluster.study("jobs = []\n", initial=1)
    cluster.submit()
    status, text = ended(work(cluster, mode="crash2"))
    assert status == 1 and "task 0 on n1: Aborted" in text and "2 new runs, 2 failed" in text
    cluster.mode("lost")
    process = work(cluster, SLURM_RESTART_COUNT="1")
    until(lambda: cluster.calls("scontrol"))
    process.terminate()
    ended(process)
    assert mark(cluster) == "interrupted" and cluster.calls("scontrol") == [["requeue", "100"]]
    assert len(spool(cluster)) == 4, "what a lost node did to a run is no failure of its point"
    cluster.mode("")
    cluster.end("FAILED")
    status, text = cluster.collect()
    assert status == 1 and "tasks 2x1 failed: fake_heat.py: task 0 on n1: Aborted" in text
    assert good(cluster) == [(0, 1), (1, 1)]


def test_no_repeat_is_there_twice(cluster: Cluster) -> None:
    cluster.submit()
    assert cluster.leave(run(0, 1, 1.0)) and not cluster.leave(run(0, 1, 2.0))
    assert cluster.leave(failure(0, "once")) and cluster.leave(failure(0, "again"), "100-1-1")
    kept = store.load(cluster.output)
    assert progress.collect(kept, cluster.output) == 2  # the same start: one failure
    assert progress.collect(kept, cluster.output) == 0, "a collect that was cut off before it cleared"
    later = replace(run(0, 1, 3.0), started="2027-01-01T00:00:00.000+00:00")
    (cluster.output / "spool" / "point-0000.repeat-01.json").unlink()
    cluster.leave(later)
    cluster.end("COMPLETED")
    _, text = cluster.collect()
    assert "0 runs collected" in text and "that repeat is there already, this one is not taken" in text
    assert [one.time_s for one in store.load(cluster.output).of(0)] == [1.0]


def test_collect_waits_for_the_last_job(cluster: Cluster) -> None:
    cluster.study("jobs = []\n", ONE)
    cluster.submit()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        cluster.mode("down" if len(pauses) == 2 else "")
        if len(pauses) == 1:
            cluster.leave(run(0, 1, 1.0))
        if len(pauses) == 3:
            cluster.leave(run(0, 2, 1.0))
            cluster.end("COMPLETED")

    status, text = cluster.collect(pause)
    assert status == 0 and pauses == [1.0, 2.0, 3.0] and "2 runs collected, 2 in all" in text
    assert "Unable to contact slurm controller (connect failure); asking again" in text
    assert text.count("PENDING") == 1, "the same state is not told again"


def test_files_of_another_study_are_left_alone(cluster: Cluster) -> None:
    cluster.submit()
    cluster.leave(run(0, 1, 1.0))
    (file,) = (cluster.output / "spool").glob("point-*")
    file.write_text(file.read_text().replace('"steps": 10', '"steps": 11'))
    cluster.end("COMPLETED")
    status, text = cluster.collect()
    assert "belongs to another study and is left where it is" in text and file.is_file()
    file.write_text("{")
    status, text = cluster.collect()
    assert status == 3 and "is not a run that a job left" in text


def test_study_run_waits_for_the_jobs(cluster: Cluster, study: Study) -> None:
    cluster.submit()
    status, text = study("run", cluster.file, cluster.output)
    assert status == 3 and "jobs of this study are in the queue of the cluster (100, 101)" in text
    cluster.cancel()
    cluster.study("", initial=1)
    assert study("run", cluster.file, cluster.output)[0] == 0


def test_a_command_killed_during_sbatch(cluster: Cluster) -> None:
    """sbatch goes on without it and holds the lock; then the job is found."""
    cluster.mode("late")
    words = ["submit", cluster.file, "--output", cluster.output, "--site", cluster.site]
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts" / "tutti", "study", *words], stdout=subprocess.DEVNULL
    )
    until(cluster.known)
    process.kill()
    process.wait()
    cluster.mode("")
    status, text = cluster.submit()
    assert status == 3 and "another `tutti study` is at work" in text
    until(lambda: cluster.submit()[0] == 0)
    assert len(cluster.known()) == 2 == len(cluster.entries())


def test_nothing_was_submitted(cluster: Cluster) -> None:
    for call in (cluster.status, cluster.collect, cluster.cancel):
        status, text = call()
        assert status == 2 and "nothing of" in text and "was submitted" in text
    cluster.submit()
    (cluster.output / "cluster.json").write_text('{"version": 2}')
    status, text = cluster.status()
    assert status == 3 and "cluster.json cannot be used: version 2" in text


def test_a_share_that_is_none(tmp_path: Path) -> None:
    from tutti_cli.cluster import share

    (tmp_path / "x.share").write_text("{}")
    with pytest.raises(Failure, match="is not the share of a job"):
        share.read(tmp_path / "x.share")
