"""Each study file and site file of the project fits the other, and makes scripts that bash can read."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tutti_cli.cluster import script, site
from tutti_cli.cluster.jobs import jobs, refuse_points
from tutti_cli.common import ROOT
from tutti_cli.study import toml_file
from tutti_cli.study.model import uneven

STUDIES = sorted((ROOT / "slurm" / "studies").glob("*.toml"))
SITES = sorted((ROOT / "slurm" / "sites").glob("*.toml"))


@pytest.mark.parametrize("file", SITES, ids=lambda file: file.stem)
def test_studies_fit_the_site(file: Path) -> None:
    there = site.read(file)
    for path in STUDIES:
        study = toml_file.read(path)
        assert not uneven(study), path.name
        if study.fit:
            continue
        allocation = there.allocation(study.slurm.ranks_per_node)
        chosen = range(len(study.points))
        refuse_points(study, there, allocation, chosen)
        found = jobs(study, there, allocation, chosen)
        assert sorted(point for job in found for point in job.points) == list(chosen)
        text = script.script("name", found[-1], there, Path("/a b/it's.share"), 0)
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)
        assert "'/a b/it'\"'\"'s.share'" in text


def test_a_gpu_site_asks_for_gpus_and_modules() -> None:
    there = site.read(ROOT / "slurm" / "sites" / "gpu-cluster.toml")
    study = toml_file.read(ROOT / "slurm" / "studies" / "heat-strong.toml")
    job = jobs(study, there, there.allocation(1), [0])[0]
    lines = script.script("name", job, there, Path("/x"), 0).splitlines()
    assert lines[0] == "#!/bin/bash -l" and "#SBATCH --gpus-per-node=4" in lines
    assert "module load cuda || exit 3" in lines


def test_a_signal_before_anyone_listens_does_not_end_the_job(tmp_path: Path) -> None:
    study = toml_file.read(ROOT / "slurm" / "studies" / "heat-strong.toml")
    there = site.read(ROOT / "slurm" / "sites" / "test-cluster.toml")
    slow = tmp_path / "python"  # told while it starts
    slow.write_text("#!/bin/sh\nkill -USR1 $$\necho measured\n")
    slow.chmod(0o755)
    there = replace(there, python=str(slow))
    job = jobs(study, there, there.allocation(1), [0])[0]
    text = script.script("name", job, there, Path("/x"), 0)
    done = subprocess.run(["bash"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "measured\n"), done.stderr
