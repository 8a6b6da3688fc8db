"""Timing two things alternately, so that whatever else the machine does falls on both."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Comparison:
    """Seconds of a peer and of ours, run by run, in the order in which they were taken.

    Attributes
    ----------
    name : str
        What was timed.
    peer, ours : tuple of float
        Seconds, pairwise from the same moment.
    """

    name: str
    peer: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Peer over ours, a pair of runs each: above 1 ours is faster."""
        return [a / b for a, b in zip(self.peer, self.ours, strict=True)]

    def __str__(self) -> str:
        """One line: median ratio, its range, and the least seconds of each."""
        ratios = self.ratios
        return (
            f"{self.name}: {statistics.median(ratios):.2f}x (median of {len(ratios)}, "
            f"{min(ratios):.2f} to {max(ratios):.2f}); least seconds {min(self.peer):.3f} peer, "
            f"{min(self.ours):.3f} ours; ratio of the least {min(self.peer) / min(self.ours):.2f}x"
        )


def compare(
    name: str, peer: Callable[[], object], ours: Callable[[], object], repeats: int
) -> Comparison:
    """Run both once unmeasured, then alternately ``repeats`` times."""
    seconds: tuple[list[float], list[float]] = ([], [])
    works: Sequence[Callable[[], object]] = (peer, ours)
    for work in works:
        work()
    for _ in range(repeats):
        for record, work in zip(seconds, works, strict=True):
            start = time.perf_counter()
            work()
            record.append(time.perf_counter() - start)
    return Comparison(name, tuple(seconds[0]), tuple(seconds[1]))
