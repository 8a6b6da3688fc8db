"""Public data sets with the paper's splits, shots and rules, and folders of one's own."""
