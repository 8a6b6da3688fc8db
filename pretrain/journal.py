"""The log of a training: a JSON line now and then, of means since the last one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def means(found: dict[str, list[float]]) -> dict[str, float]:
    """The mean of each value; NaN, for what did not occur in a step, does not count."""
    some = {key: [v for v in values if v == v] for key, values in found.items()}
    return {key: sum(values) / len(values) for key, values in some.items() if values}


def write_line(path: Path, row: dict[str, Any]) -> None:
    """Append a JSON line to the log and show it."""
    row = {
        key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()
    }
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)
