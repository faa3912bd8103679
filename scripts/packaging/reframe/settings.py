"""A site for ReFrame to start from: this machine with mpirun, or a Slurm cluster (`--system cluster`)."""

ENVIRONMENT = {"name": "built", "cc": "cc", "cxx": "c++", "ftn": ""}


def system(name: str, scheduler: str, launcher: str, hosts: list[str]) -> dict[str, object]:
    part = {
        "name": "main",
        "scheduler": scheduler,
        "launcher": launcher,
        "environs": ["built"],
        "max_jobs": 1,
    }
    return {"name": name, "hostnames": hosts, "partitions": [part]}


site_configuration = {
    "systems": [system("workstation", "local", "mpirun", [".*"]), system("cluster", "slurm", "srun", [])],
    "environments": [ENVIRONMENT],
}
