"""The objects of a Labels layer: numbers, places, sizes, classes, and the table of them."""
