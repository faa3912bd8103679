#!/usr/bin/env python3
"""A stand-in for the heat app: takes its options, invents times, writes its JSON.

FAKE_HEAT steers it: 'checksum' gives points with 2 ranks another checksum, 'verification' fails on bulk,
'usage' and 'crash' end with an error, 'crash2' does so on 2 ranks only, 'nojson' writes nothing, 'hang' does
not end, 'slow' takes a second, 'pinning' puts all workers on one core.
"""

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path


def efficiency(ranks: int, threads: int, schedule: str, cells: int, step_s: float) -> dict[str, object]:
    """Factors that multiply as the real ones do; bulk cannot tell serialisation and transfer apart."""
    bulk = schedule == "bulk"
    balance, serial, transfer = (0.97, 0.96, 0.98) if ranks > 1 else (1.0, 1.0, 1.0)
    workers, scheduling = (0.95, 0.93 if bulk else 0.98) if threads > 1 else (1.0, 0.99)
    process, thread = balance * serial * transfer, workers * scheduling
    useful = process * thread
    worker_s = 100 * step_s
    operation = {"calls": 100, "gb_s": 9.0 * ranks * threads}
    peak, bandwidth = 40.0 * ranks * threads, 12.0 * ranks * threads
    return {
        "elapsed_s": worker_s,
        "steps": 100,
        "factors": {
            "parallel": useful,
            "process": process,
            "process_load_balance": balance,
            "process_communication": serial * transfer,
            "serialisation": None if bulk else serial,
            "transfer": None if bulk else transfer,
            "thread": thread,
            "thread_load_balance": workers,
            "scheduling": scheduling,
        },
        "time_share": {"useful": useful, "communication": 0.0, "runtime": 0.0, "idle": 1 - useful},
        "critical_path_s": step_s / 8,
        "roofline": {"peak_gflops": peak, "bandwidth_gb_s": bandwidth},
        "operations": [
            {
                "name": name,
                "time_s": share * worker_s,
                "share": share,
                "gflops": intensity * operation["gb_s"],
                "intensity": intensity,
                "fraction_of_roofline": intensity * operation["gb_s"] / min(peak, intensity * bandwidth),
                **operation,
            }
            for name, share, intensity in (("heat7", 0.9, 0.5), ("norm", 0.1, 0.125))
        ],
        "workers": [[useful * worker_s, 0.0, 0.0, (1 - useful) * worker_s]] * ranks * threads,
        "explanation": [f"Memory bandwidth limits {cells} cells <here>."],
    }


def result_of(
    ranks: int,
    threads: int,
    schedule: str,
    cells: int,
    step_s: float,
    *,
    passed: bool = True,
) -> dict[str, object]:
    """What the app writes with --json."""
    return {
        "app": "heat",
        "version": "0.1.0",
        "git_commit": "0000000",
        "config": {"compiler": "none <stand-in>", "mpi": True},
        "machine": {
            "cpu_model": "stand-in",
            "cores": os.cpu_count(),
            "affinity": [{"host": "here", "workers": ["0", "1"]}],
        },
        "ranks": ranks,
        "threads_per_rank": threads,
        "device": "cpu",
        "schedule": schedule,
        "timings": {
            "iteration_s": {"median": step_s, "ci95_low": 0.98 * step_s, "ci95_high": 1.02 * step_s, "n": 10}
        },
        "figures_of_merit": [
            {"name": "cell_updates_per_s", "value": cells / step_s, "unit": "1/s"},
            {"name": "bandwidth_gb_s", "value": 16e-9 * cells / step_s, "unit": "GB/s"},
        ],
        "efficiency": {} if schedule == "kokkos" else efficiency(ranks, threads, schedule, cells, step_s),
        "verification": [{"name": "max_error", "value": 1e-14, "tolerance": 1e-12, "passed": passed}],
        "checksum": "0x0123456789abcdef",
    }


def step_s_of(workers: int, schedule: str, cells: int, generator: random.Random) -> float:
    """A time that is about right, with noise."""
    slower = {"tasks": 1.02, "bulk": 1.0, "kokkos": 1.1}[schedule] * (1 + 0.06 * (workers - 1))
    return cells / 6e8 / workers * slower * generator.lognormvariate(0.0, 0.02)


def layout() -> tuple[int, int]:
    """Rank and ranks, as mpirun or srun says."""
    for names in (("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS")):
        if all(name in os.environ for name in names):
            return int(os.environ[names[0]]), int(os.environ[names[1]])
    return 0, 1


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--grid", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "1")))
    parser.add_argument("--schedule", choices=["tasks", "bulk", "kokkos"], default="tasks")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    rank, ranks = layout()
    mode = os.environ.get("FAKE_HEAT", "")
    if mode == "usage":
        print("tutti: error: --grid: 0 is not a size", file=sys.stderr)
        return 2
    if mode == "hang":
        time.sleep(60)
    if mode == "slow":
        time.sleep(1)
    if (mode == "crash" and rank == ranks - 1) or (mode == "crash2" and ranks == 2):
        os.abort()
    if rank != 0 or mode == "nojson":
        return 0
    cells = 1
    for extent in options.grid.split(","):
        cells *= int(extent)
    cores = ranks * options.threads
    step_s = step_s_of(cores, options.schedule, cells, random.Random())
    passed = not (mode == "verification" and options.schedule == "bulk")
    result = result_of(ranks, options.threads, options.schedule, cells, step_s, passed=passed)
    if mode == "checksum" and ranks == 2:
        result["checksum"] = "0x00000000000000ff"
    if mode == "pinning" and cores > 1:
        result["warnings"] = [f"{cores} workers share one core: they may run on processor 0 of here only"]
    if options.json:
        options.json.write_text(json.dumps(result))
    if not options.quiet:
        print(f"{ranks} x {options.threads}: {step_s:.6f} s per step")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
