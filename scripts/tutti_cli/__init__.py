"""The parts of the `tutti` command.

Only bench, demo, metg, plot and study need packages beyond the standard library; they are imported after
setup has made the virtual environment.
"""
