"""Two gloo processes on the CPU do what one does."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from napari_catsam.cli.app import app
from napari_catsam.errors import TrainingError
from napari_catsam.evaluation.datasets.base import Dataset
from napari_catsam.evaluation.protocol.processes import Processes, open_processes
from napari_catsam.evaluation.runs import read_curves, read_result
from napari_catsam.models.adapter import load_adapter


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def launch_two(launcher: str, line: str, folder: Path) -> None:
    script = folder / "program.py"  # fabric takes a script, as the installed program is one
    script.write_text("from napari_catsam.cli.__main__ import main\nmain()\n")
    port = str(free_port())
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr"]
    torchrun += ["127.0.0.1", "--master-port", port, "-m", "napari_catsam"]
    fabric = ["-m", "lightning_fabric.cli", "--accelerator", "cpu", "--strategy", "ddp"]
    fabric += ["--devices", "2", "--main-port", port, str(script)]
    command = {"torchrun": torchrun, "fabric run": fabric}[launcher]
    done = subprocess.run(
        [sys.executable, "-W", "error", *command, *line.split()],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "launcher", ["torchrun", pytest.param("fabric run", marks=pytest.mark.slow)]
)
def test_two_processes_train_and_test_as_one(launcher: str, whu: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric")
    # 16 images in batches of 5: the last has one image, which leaves a process without any.
    line = (
        f"train --dataset whu --data-dir {whu.root} --backbone tiny --shots 16 --epochs 2 "
        "--batch 5 --check-every 1 --select test --device cpu --out "
    )
    alone = CliRunner().invoke(app, (line + str(tmp_path / "one")).split())
    assert alone.exit_code == 0, alone.output
    launch_two(launcher, line + str(tmp_path / "two"), tmp_path)
    one, two = read_curves(tmp_path / "one"), read_curves(tmp_path / "two")
    assert [row.steps for row in one] == [row.steps for row in two] == [4, 8]
    for first, second in zip(one, two, strict=True):
        assert first.loss == pytest.approx(second.loss, abs=1e-5)
    assert read_result(tmp_path / "one") == read_result(tmp_path / "two")
    processes = [read_result(tmp_path / out).environment["processes"] for out in ("one", "two")]
    assert processes == [1, 2]
    values = [load_adapter(tmp_path / out / "adapter.safetensors") for out in ("one", "two")]
    for name, value in values[0].tensors.items():
        torch.testing.assert_close(value, values[1].tensors[name], atol=1e-4, rtol=0)
    written = [json.loads((tmp_path / out / "config.json").read_text()) for out in ("one", "two")]
    assert written[0] == written[1]


def test_one_process_needs_no_launcher(alone: Processes) -> None:
    found = open_processes("cpu")
    assert (found.rank, found.count, found.first) == (0, 1, True)
    assert found.gather(["a", "b"]) == ["a", "b"]
    assert found.mean(torch.tensor(0.5)) == 0.5


def test_several_processes_say_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(TrainingError, match=r"napari-catsam\[train\]"):
        open_processes("cpu")
