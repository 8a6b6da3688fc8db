"""Actions in a row, drawn by chance, raise nothing and change no accepted label."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAST = 60
"""Lines that are told of a process that failed: its last actions and what went wrong."""


def let_loose(seed: int, actions: int, seconds: int) -> None:
    """Run one seed in a process of its own, so that a crash is known as this seed's."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.plugin.monkey.run"]
    done = subprocess.run(
        [*command, "--seed", str(seed), "--actions", str(actions)],
        cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"}, timeout=seconds, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    told = "\n".join(done.stdout.splitlines()[-LAST:])
    assert done.returncode == 0, f"seed {seed} ended with {done.returncode}:\n{told}"
    print(told)


def test_a_few_actions_raise_nothing_and_keep_what_was_accepted() -> None:
    let_loose(seed=11, actions=60, seconds=280)


@pytest.mark.monkey
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_two_hundred_actions_raise_nothing_and_keep_what_was_accepted(seed: int) -> None:
    let_loose(seed, actions=200, seconds=1750)
