"""The paper's protocol: training and testing on a data set, in runs that can be repeated."""
