"""The folder of one run, and what is written into it; every file is replaced only by a whole one."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib.metadata import PackageNotFoundError, version
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from napari_catsam.adaptation.state import RunState
from napari_catsam.errors import TrainingError, UnreadableFileError
from napari_catsam.evaluation import runs
from napari_catsam.images import replace_file

if TYPE_CHECKING:
    from napari_catsam.models.adapter import Adapter

__all__ = ["RunFolder", "describe_environment", "list_versions"]

LIBRARIES = ("napari-catsam", "torch", "torchvision", "numpy", "scipy", "lightning-fabric")


class RunFolder:
    """The files of a run.

    Parameters
    ----------
    path : str or Path
        Made if it is not there.

    Raises
    ------
    UnreadableFileError
        If it cannot be made.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnreadableFileError(
                f"the folder {path} of the run cannot be made: {error.strerror or error}"
            ) from error

    def begin(self, settings: dict[str, Any]) -> None:
        """Write the settings, or see that they are those of the run that lies here.

        Raises
        ------
        TrainingError
            If another run lies here.
        """
        file = self.path / runs.CONFIG_FILE
        text = _to_json(settings)
        if not file.is_file():
            replace_file(file, text.encode())
            return
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"{file} cannot be read, so nobody knows what run this is; choose another folder"
            ) from error
        wanted = json.loads(text)
        for name in sorted(found.keys() | wanted.keys()):
            if found.get(name) != wanted.get(name):
                raise TrainingError(
                    f"{self.path} holds a run with {name} {found.get(name)!r}, this one has "
                    f"{wanted.get(name)!r}; choose another folder with --out"
                )

    @property
    def result(self) -> runs.RunResult | None:
        """The result, if the run has ended."""
        there = (self.path / runs.RESULT_FILE).is_file()
        return runs.read_result(self.path) if there else None

    def load_state(self) -> RunState:
        """Return what a killed run left, or an empty state."""
        file = self.path / runs.STATE_FILE
        return RunState.load(file) if file.is_file() else RunState()

    def save_state(self, state: RunState) -> None:
        """Write what the run needs to go on."""
        state.save(self.path / runs.STATE_FILE)

    def write_environment(self, environment: dict[str, Any]) -> None:
        """Write where the run goes on now."""
        replace_file(self.path / runs.ENVIRONMENT_FILE, _to_json(environment).encode())

    def write_curves(self, rows: Sequence[runs.CurveRow]) -> None:
        """Write all epochs so far."""
        lines = io.StringIO()
        names = [field.name for field in fields(runs.CurveRow)]
        writer = csv.DictWriter(lines, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            values = asdict(row)
            writer.writerow({k: "" if isnan(v) else v for k, v in values.items()})
        replace_file(self.path / runs.CURVES_FILE, lines.getvalue().encode())

    def write_adapter(self, adapter: Adapter) -> Path:
        """Write the adapter and return its path."""
        return adapter.save(self.path / runs.ADAPTER_FILE)

    def finish(self, result: runs.RunResult) -> None:
        """Write the result; the state to go on from is not needed any more."""
        replace_file(self.path / runs.RESULT_FILE, result.to_json().encode())
        (self.path / runs.STATE_FILE).unlink(missing_ok=True)


def describe_environment(device: torch.device, processes: int) -> dict[str, Any]:
    """Say where a run computes: device, operating system, processes, threads."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "device": device.type,
        "device_name": name,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "cuda": torch.version.cuda,
    }


def list_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that compute."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # an optional one
    return found


def _to_json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2, sort_keys=True) + "\n"
