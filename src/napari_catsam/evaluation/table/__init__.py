"""The paper's table from the folders of runs: mean and deviation over seeds, curves, example masks."""
