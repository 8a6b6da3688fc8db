"""``data check``, ``train`` and ``test`` on small trees in the layouts of the archives."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import Result

from napari_catsam import Progress, load_model
from napari_catsam.cli import train_command
from napari_catsam.models.release import release_state_dict
from tests.evaluation.datasets.trees import TREES, build_folder

Run = Callable[..., Result]
SHORT = "--backbone tiny --epochs 2 --check-every 1 --device cpu"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


@pytest.mark.parametrize("name", sorted(TREES))
def test_a_tree_is_checked_trained_on_and_tested(name: str, run: Run, tmp_path: Path) -> None:
    TREES[name](tmp_path / "data")
    checked = run(f"data check {name} data --partial")
    assert checked.exit_code == 0, checked.output
    trained = run(f"train --dataset {name} --data-dir data --method cat-a --shots 1 {SHORT}")
    assert trained.exit_code == 0, trained.output
    folder = tmp_path / "runs" / f"{name}-cat-a-tiny-1shot-fresh-last-seed3407"
    result = json.loads((folder / "result.json").read_text())
    assert (result["dataset"], result["steps"], result["measured"]["images"]) == (name, 2, 3)
    assert f"{result['measured']['iou_dataset']:.4f}" in trained.stdout
    tested = run(
        f"test --dataset {name} --data-dir data --adapter {folder / 'adapter.safetensors'} "
        "--shots 1 --device cpu --out tested"
    )
    assert tested.exit_code == 0, tested.output
    again = json.loads((tmp_path / "tested" / "result.json").read_text())
    assert again["measured"] == result["measured"]
    assert (again["method"], again["backbone"], again["shots"]) == ("cat-a", "tiny", "1")


def test_a_folder_of_ones_own_is_trained_on_with_all_switches(run: Run, tmp_path: Path) -> None:
    build_folder(tmp_path / "data")
    line = (
        f"train --dataset folder --data-dir data --method cat-t --shots full {SHORT} --seed 1 "
        "--views fixed --select test --batch 2 --learning-rate 1e-4 --augment flips --prompt box "
        "--prompt point --init base --resize pad --test-prompt point --limit 1 --out run"
    )
    done = run(line)
    assert done.exit_code == 0, done.output
    assert "part of the test images" in done.stdout
    config = json.loads(Path("run/config.json").read_text())
    wanted = {
        "views": "fixed",
        "select": "test",
        "batch": 2,
        "learning_rate": 1e-4,
        "augment": "flips",
        "prompts": ["box", "point"],
        "init": "base",
        "resize": "pad",
        "test_prompt": "point",
        "test_limit": 1,
        "seed": 1,
        "shots": "full",
    }
    assert {name: config[name] for name in wanted} == wanted
    assert run(line).stdout == done.stdout  # the run has ended, so this is its result
    other = run(f"{line} --epochs 3")
    assert other.exit_code == 2
    assert "another folder" in other.stderr


def test_a_released_checkpoint_and_sam_itself_are_tested(run: Run, tmp_path: Path) -> None:
    TREES["kvasir"](tmp_path / "data")
    released = load_model("tiny", device="cpu").with_method("cat-t", seed=1)
    torch.save({"model": release_state_dict(released)}, "released.pth")
    plain = "test --dataset kvasir --data-dir data --device cpu"
    for options in ("--checkpoint released.pth", "--backbone tiny"):
        done = run(f"{plain} {options}")
        assert done.exit_code == 0, done.output
        assert "3 images, 6 objects" in done.stdout
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_says_that_the_same_command_goes_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TREES["sbu"](tmp_path / "data")
    seen: list[Progress] = []

    def describe(progress: Progress) -> str:
        seen.append(progress)
        if len(seen) == 2:
            signal.raise_signal(signal.SIGINT)
        return ""

    monkeypatch.setattr(train_command, "_describe", describe)
    line = f"train --dataset sbu --data-dir data {SHORT} --out run"
    stopped = run(line)
    assert stopped.exit_code == 0, stopped.output
    assert "goes on" in stopped.stdout
    assert not Path("run/result.json").exists()
    assert run(line).exit_code == 0
    assert Path("run/result.json").exists()


def test_a_broken_image_is_named(run: Run, tmp_path: Path) -> None:
    TREES["kvasir"](tmp_path / "data")
    (image,) = (tmp_path / "data" / "TrainDataset" / "image").glob("cju0roa*")
    image.write_bytes(image.read_bytes()[:100])
    result = run(f"train --dataset kvasir --data-dir data {SHORT}")
    assert result.exit_code == 2
    assert image.name in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_an_interrupted_test_goes_on_without_training_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TREES["whu"](tmp_path / "data")

    def describe(progress: Progress) -> str:
        if progress.stage.startswith("testing"):
            signal.raise_signal(signal.SIGINT)
        return ""

    line = f"train --dataset whu --data-dir data {SHORT} --out run"
    with monkeypatch.context() as patch:
        patch.setattr(train_command, "_describe", describe)
        assert run(line).exit_code == 130
    assert not Path("run/result.json").exists()
    before = Path("run/curves.csv").read_text()
    assert run(line).exit_code == 0
    assert Path("run/curves.csv").read_text() == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train --dataset kvasi --data-dir data", "did you mean 'kvasir'"),
        ("train --dataset kvasir --data-dir nowhere", "there is no folder nowhere"),
        ("train --dataset kvasir --data-dir data --method cat", "unknown method"),
        ("train --dataset kvasir --data-dir data --backbone vit_x", "unknown model"),
        ("train --dataset kvasir --data-dir data --learning-rate 0", "learning_rate is 0"),
        ("test --dataset kvasir --data-dir data --adapter no.safetensors", "no.safetensors"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "data").mkdir()
    result = run(f"{line} --device cpu")
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
