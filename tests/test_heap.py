"""Freed memory is kept inside of the block and given back at its end."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pytest
import torch

from napari_catsam import heap
from napari_catsam.heap import keep_freed_memory

SIZE = 2**24
"""Values of a tensor of 64 MB, larger than what glibc keeps of its own accord."""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or heap._find_glibc() is None, reason="for glibc only"
)


def fault_count() -> int:
    """Return how many pages this process was given so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def resident_bytes() -> int:
    """Return how much memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def make_tensors(count: int) -> None:
    """Make and free large tensors, one after the other."""
    for _ in range(count):
        torch.ones(SIZE)


def test_a_freed_tensor_makes_room_for_the_next_one_without_new_pages():
    pages = SIZE * 4 // os.sysconf("SC_PAGESIZE")
    before = fault_count()
    make_tensors(20)
    apart = fault_count() - before
    with keep_freed_memory():
        make_tensors(5)
        before = fault_count()
        make_tensors(20)
        kept = fault_count() - before
    # A small block in the place of a freed tensor can make the next one need another place.
    assert kept < 10 * pages
    if apart > 15 * pages:  # not so where huge pages are the system's default
        assert kept < apart / 2


def test_memory_is_given_back_when_the_last_of_two_overlapping_blocks_ends():
    with keep_freed_memory():
        make_tensors(1)
        kept = resident_bytes()
        with keep_freed_memory():
            make_tensors(1)
        assert resident_bytes() > kept - SIZE * 2
    assert resident_bytes() < kept - SIZE * 2


def test_an_error_in_the_block_ends_it():
    with pytest.raises(ValueError, match="mine"), keep_freed_memory():
        raise ValueError("mine")
    assert heap._users == 0


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    def refuse(name: str) -> str:
        raise ValueError(name)

    monkeypatch.setattr(os, "confstr", refuse)
    assert heap._find_glibc() is None
    with keep_freed_memory():
        make_tensors(1)
