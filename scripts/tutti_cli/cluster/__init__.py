"""Studies on a Slurm cluster: `study submit`, `status`, `collect`, `cancel`, and `study work` inside a job.

    study file, site file -> jobs -> script (jinja2) -> queue (sbatch)        submit
    share -> work -> spool                                                    in a job
    spool -> study.h5                                                         collect

A job measures its share of the points as `study run` would and puts each finished run into a file of its own.
What was submitted is in state.py's file, written before and after each sbatch.
"""
