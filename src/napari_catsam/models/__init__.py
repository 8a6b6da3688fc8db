"""The frozen model and what is trained, joined; and the files that hold either."""
