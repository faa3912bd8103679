"""The parts of the `tutti` command.

Only demo, plots and report need packages beyond the standard library; they are imported after setup has
made the virtual environment.
"""
