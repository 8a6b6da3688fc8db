"""In which numbers the training computes, by what is quicker here.

A processor that multiplies in bfloat16 (AMX, AVX512-BF16, and their like on ARM) does a step in half
the time of float32. One that does not takes many times as long, since every value is converted.
"""

from __future__ import annotations

import functools
import time

import torch
from torch import nn

WINDOWS, SIDE, WIDTH = 2, 48, 48
"""Size of what is timed: a layer of the stem for two windows."""


@functools.cache
def quicker_dtype() -> torch.dtype:
    """``torch.bfloat16`` if a small network learns faster in it here than in float32, else that.

    Timed once a process, in some hundredths of a second, on as many threads as torch has.
    """
    half, whole = (shortest_time(dtype) for dtype in (torch.bfloat16, torch.float32))
    return torch.bfloat16 if half < whole else torch.float32


def shortest_time(dtype: torch.dtype, tries: int = 4) -> float:
    """Seconds of the quickest of some passes forward and backward; the first one warms up."""
    network = nn.Sequential(
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.Flatten(2), nn.Linear(SIDE * SIDE, 128)
    ).to(dtype)
    image = torch.zeros(WINDOWS, WIDTH, SIDE, SIDE, dtype=dtype)
    seconds = []
    for _ in range(tries):
        started = time.perf_counter()
        network(image).sum().backward()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])
