"""ReFrame check of Tutti: heat on several layouts, verified, with its rate as performance.

    reframe -C scripts/packaging/reframe/settings.py -c scripts/packaging/reframe/tutti.py -r

`-S bin=DIR` names the folder of the installed apps (default build/release/bin), `-S grid=...` the problem.
"""

import json
from pathlib import Path
from typing import Any, ClassVar

import reframe as rfm
import reframe.utility.sanity as sn
from reframe.core.builtins import parameter, performance_function, run_before, sanity_function, variable

ROOT = Path(__file__).resolve().parents[3]


@rfm.simple_test
class TuttiHeat(rfm.RunOnlyRegressionTest):
    """Every layout verifies itself against the analytic solution; `checksum` holds all of them to one."""

    valid_systems: ClassVar = ["*"]
    valid_prog_environs: ClassVar = ["*"]
    layout = parameter([(1, 1), (1, 2), (2, 1)], fmt=lambda one: f"{one[0]}x{one[1]}")
    schedule = parameter(["tasks", "bulk"])
    bin = variable(str, value=str(ROOT / "build" / "release" / "bin"))
    grid = variable(str, value="96,96,96")
    checksum = variable(str, value="")  # what it has to be; empty: any

    @run_before("run")
    def set_command(self) -> None:
        self.num_tasks, self.num_cpus_per_task = self.layout
        self.executable = str(Path(self.bin) / "heat")
        self.executable_opts = ["--threads", str(self.layout[1]), "--schedule", self.schedule]
        self.executable_opts += ["--grid", self.grid, "--steps", "20", "--json", "result.json", "--quiet"]
        self.env_vars = {"OMP_NUM_THREADS": self.layout[1], "OMP_WAIT_POLICY": "passive"}

    @run_before("run")
    def pin(self) -> None:
        """A core for each worker: neither launcher does so by itself."""
        threads = str(self.layout[1])
        words = {
            "mpirun": ["--map-by", f"slot:PE={threads}", "--bind-to", "core"],
            "srun": ["-c", threads, "--cpu-bind=cores"],
        }
        self.job.launcher.options += words.get(self.job.launcher.registered_name, [])

    def result(self) -> dict[str, Any]:
        return json.loads((Path(self.stagedir) / "result.json").read_text())

    @sanity_function
    def is_verified(self) -> object:
        found = self.result()
        checks = [
            sn.assert_true(one["passed"], f"{one['name']} is {one['value']}") for one in found["verification"]
        ]
        layout = (found["ranks"], found["threads_per_rank"])
        return sn.all(
            [
                sn.assert_true(checks, "nothing was checked"),
                sn.assert_eq(layout, tuple(self.layout), "it ran on {0} ranks x threads, not {1}"),
                sn.assert_true(self.checksum in ("", found["checksum"]), f"checksum {found['checksum']}"),
                sn.assert_false(found.get("warnings"), f"pinning: {found.get('warnings')}"),
                *checks,
            ]
        )

    @performance_function("Mcells/s")
    def rate(self) -> float:
        rates = [
            one["value"] for one in self.result()["figures_of_merit"] if one["name"] == "cell_updates_per_s"
        ]
        return rates[0] / 1e6

    @performance_function("1")
    def parallel_efficiency(self) -> float:
        return self.result()["efficiency"]["factors"]["parallel"]
