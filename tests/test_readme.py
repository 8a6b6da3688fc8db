"""The README's examples run as they stand, in their order, on an image with labelled objects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from skimage.data import coins
from skimage.filters import threshold_otsu
from skimage.io import imsave
from skimage.measure import label
from typer.core import TyperGroup

from napari_catsam.cli.app import app
from napari_catsam.tuning import list_methods

pytestmark = pytest.mark.timeout(600)  # several programs, each of which loads torch

README = Path(__file__).parent.parent / "README.md"
ROW = re.compile(r"^\| (.+) \| `napari-catsam (train .*)` \|$", re.MULTILINE)
BLOCK = re.compile(r"<!-- test -->\n```(python|bash)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> str:
    text = README.read_text(encoding="utf-8")
    found = [code for name, code in BLOCK.findall(text) if name == language]
    return shorten("\n".join(found))


def shorten(code: str) -> str:
    """Cut the minute that a reader would train down to seconds."""
    return code.replace("budget_s=60", "budget_s=4").replace("--budget 60", "--budget 4")


@pytest.fixture
def folder_of_a_reader(tmp_path: Path) -> Path:
    image = coins()
    numbers = label(image > threshold_otsu(image))
    objects = np.where(np.bincount(numbers.ravel())[numbers] > 300, numbers, 0)
    for where in (tmp_path / "images", tmp_path / "masks"):
        where.mkdir()
    for path, array in (
        ("image.tif", image),
        ("labels.tif", objects.astype(np.uint8)),
        ("images/coins.tif", image),
        ("masks/coins.tif", objects.astype(np.uint8)),
    ):
        imsave(tmp_path / path, array, check_contrast=False)
    return tmp_path


def run_in(folder: Path, command: list[str]) -> str:
    bin_folder = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=540
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_python_examples_run(folder_of_a_reader: Path) -> None:
    code = blocks("python")
    assert "adapt(" in code
    printed = run_in(folder_of_a_reader, [sys.executable, "-c", code])
    assert "(2, 303, 384)" in printed
    assert (folder_of_a_reader / "adapter.safetensors").stat().st_size > 0


@pytest.mark.skipif(sys.platform == "win32", reason="the examples are for a POSIX shell")
def test_the_command_line_examples_run(folder_of_a_reader: Path) -> None:
    code = blocks("bash")
    assert "napari-catsam evaluate" in code
    run_in(folder_of_a_reader, ["bash", "-euo", "pipefail", "-c", code])
    for name in ("masks.tif", "adapted.tif", "adapter.safetensors", "scores.json"):
        assert (folder_of_a_reader / name).stat().st_size > 0


PAPER = {
    "SAM, not adapted": "sam",
    "VPT-shallow": "vpt-shallow",
    "VPT-deep": "vpt-deep",
    "AdaptFormer": "adaptformer",
    "LoRA": "lora",
    "HQ-SAM": "hq",
    "CAT-SAM-T": "cat-t",
    "CAT-SAM-A": "cat-a",
}


def test_each_method_of_the_paper_has_one_command_that_the_program_takes() -> None:
    rows = ROW.findall(README.read_text(encoding="utf-8"))
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    methods = {}
    for name, line in rows:
        command, *options = line.split()
        with program.commands[command].make_context(command, options) as context:
            methods[name] = context.params["method"]
    assert methods == PAPER
    assert set(methods.values()) == set(list_methods())
