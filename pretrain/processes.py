"""Several processes of one thread each that train together.

On a CPU they beat one process with as many threads, which wait for each other at every operation.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn

from napari_catsam.heap import keep_freed_memory


def run_together(task: Callable[..., None], processes: int, *arguments: Any) -> None:
    """Run ``task(rank, *arguments)`` in so many processes that can reach each other."""
    with tempfile.TemporaryDirectory() as folder:
        given = (task, processes, str(Path(folder) / "meeting"), *arguments)
        if processes == 1:
            _work(0, *given)
        else:
            spawn(_work, given, nprocs=processes)


def _work(
    rank: int, task: Callable[..., None], processes: int, meeting: str, *arguments: Any
) -> None:
    torch.set_num_threads(1)
    if processes > 1:
        distributed.init_process_group(
            "gloo", init_method=f"file://{meeting}", rank=rank, world_size=processes
        )
    with keep_freed_memory():
        task(rank, *arguments)


def agree(seconds: float) -> float:
    """The first process's clock, so that all processes end and change stage at the same step."""
    if not distributed.is_initialized():
        return seconds
    clock = torch.tensor([seconds], dtype=torch.float64)
    distributed.broadcast(clock, 0)
    return float(clock)


def share_mean(flat: torch.Tensor) -> torch.Tensor:
    """The mean of a tensor over all processes, in place."""
    if distributed.is_initialized():
        distributed.all_reduce(flat)
        flat /= distributed.get_world_size()
    return flat
