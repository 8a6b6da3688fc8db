"""What computes and what reads the disk: the queues, and the engine in the worker."""
