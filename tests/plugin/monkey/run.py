"""Runs one seed, and prints each action before it is done.

python -m tests.plugin.monkey.run --seed 3 --actions 200
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


class Given:
    """What the case is told."""

    def __init__(self, seed: int, actions: int) -> None:
        self._seed, self._actions = seed, actions

    @pytest.fixture
    def seed(self) -> int:
        return self._seed

    @pytest.fixture
    def actions(self) -> int:
        return self._actions


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--actions", type=int, default=200)
    options = parser.parse_args(arguments)
    case = Path(__file__).with_name("case.py")
    return pytest.main(
        ["-q", "-s", "-p", "no:cacheprovider", "--timeout", "0", str(case)],
        plugins=[Given(options.seed, options.actions)],
    )


if __name__ == "__main__":
    sys.exit(main())
