"""Studies: a TOML file names points, `study run` measures them into one HDF5 file, `study report` shows it.

    toml_file -> model -> runner -> store        study run
    store -> summary (factors) -> tables, plots, page        study report

model, factors and what reads TOML need the standard library only; the others run inside .venv.
"""
