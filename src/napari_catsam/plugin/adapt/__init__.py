"""Adapting: what there is to learn from, the training, its curves and scores, and the versions."""
