"""Every command on a real image file with the tiny model."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from typer.testing import Result

import napari_catsam
from napari_catsam import Predictor, Progress, Prompts, TiledPredictor, load_adapter, load_model
from napari_catsam.cli import adapt_command
from napari_catsam.images import read_image
from napari_catsam.models.release import release_state_dict

Run = Callable[..., Result]
COMMANDS = ("predict", "adapt", "evaluate", "train", "test", "data", "models", "adapter", "demo")


def test_help_names_every_command_and_every_command_has_help(run: Run) -> None:
    overview = run("--help").stdout
    for command in COMMANDS:
        assert command in overview
        result = run(f"{command} -h")
        assert result.exit_code == 0
        assert "Usage" in result.stdout


def test_version_is_that_of_the_package(run: Run) -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.split() == ["napari-catsam", napari_catsam.__version__]


def test_predict_writes_one_label_a_box(folder: Path, run: Run) -> None:
    result = run("predict image.png --box 8 8 32 32 --box 8 58 32 82 --model tiny -o out.tif")
    assert result.exit_code == 0, result.output
    labels = tifffile.imread(folder / "out.tif")
    predictor = Predictor(load_model("tiny", device="cpu"))
    prompts = Prompts(boxes=[[8, 8, 32, 32], [8, 58, 32, 82]])
    first, second = predictor.predict(predictor.embed(read_image("image.png")), prompts).masks
    assert labels.dtype == np.uint16
    assert np.array_equal(labels, np.where(first, 1, second * 2))
    assert str(np.count_nonzero(labels == 1)) in result.stdout
    assert "out.tif" in result.stdout


def test_predict_can_zoom_in(folder: Path, run: Run) -> None:
    wide = np.zeros((300, 700), np.uint8)
    wide[:80, :100] = read_image("image.png")
    tifffile.imwrite(folder / "wide.tif", wide)
    result = run("predict wide.tif --box 8 8 32 32 --model tiny --tiles -o out.tif")
    assert result.exit_code == 0, result.output
    predictor = TiledPredictor(load_model("tiny", device="cpu"))
    prompts = Prompts(boxes=[[8, 8, 32, 32]])
    (mask,) = predictor.predict(predictor.embed(wide), prompts).masks
    assert np.array_equal(tifffile.imread(folder / "out.tif"), mask)


def test_predict_takes_points_with_signs_and_a_box_with_points(folder: Path, run: Run) -> None:
    alone = run("predict image.png --point 20 20 + --point 40 40 - --model tiny -o points.tif")
    refined = run(
        "predict image.png --box 8 8 32 32 --point 20 20 + --point 40 40 - --model tiny -o both.tif"
    )
    assert (alone.exit_code, refined.exit_code) == (0, 0)
    for name in ("points.tif", "both.tif"):
        assert set(np.unique(tifffile.imread(folder / name))) <= {0, 1}


def test_predict_takes_one_plane_of_a_stack(folder: Path, run: Run) -> None:
    image = read_image("image.png")
    tifffile.imwrite("stack.tif", np.stack([np.zeros_like(image), image]))
    run("predict image.png --box 8 8 32 32 --model tiny -o one.tif")
    result = run("predict stack.tif --plane 1 --box 8 8 32 32 --model tiny -o plane.tif")
    assert result.exit_code == 0, result.output
    assert np.array_equal(tifffile.imread("plane.tif"), tifffile.imread("one.tif"))


@pytest.mark.parametrize(
    "files",
    [
        "--image images/a.png images/b.png --mask masks/a.tif masks/b.tif",
        "--image images/a.png --image images/b.png --mask masks/a.tif --mask masks/b.tif",
    ],
)
def test_adapt_takes_several_files_after_one_flag_or_repeated_flags(
    folder: Path, run: Run, files: str
) -> None:
    result = run(f"adapt {files} --model tiny --method hq --steps 2 --note try -o a.safetensors")
    assert result.exit_code == 0, result.output
    header = load_adapter(folder / "a.safetensors").header
    assert [shot.name for shot in header.shots] == ["a", "b"]
    assert [shot.objects for shot in header.shots] == [4, 4]
    assert (header.backbone, header.method, header.steps) == ("tiny", "hq", 2)
    assert "try" in header.note
    assert "IoU before" in result.stdout
    assert header.note in result.stdout  # whether it helps, and how that is known


def test_an_adapter_is_made_shown_used_and_trained_on(folder: Path, run: Run) -> None:
    shot = "--image image.png --mask labels.tif --model tiny"
    made = run(f"adapt {shot} --method cat-a --budget 1 --seed 3 -o a.safetensors")
    assert made.exit_code == 0, made.output
    shown = run("adapter show a.safetensors")
    assert shown.exit_code == 0
    for text in ("cat-a", "tiny", "seed 3", "image: 80 x 100, 4 objects"):
        assert text in shown.stdout
    for line in (
        "predict image.png --box 8 8 32 32 --model tiny --adapter a.safetensors -o out.tif",
        f"adapt {shot} --adapter a.safetensors --steps 1 -o b.safetensors",
    ):
        assert run(line).exit_code == 0
    assert load_adapter("b.safetensors").header.method == "cat-a"


def test_an_adapter_is_cut_out_of_a_released_checkpoint(folder: Path, run: Run) -> None:
    released = load_model("tiny", device="cpu").with_method("cat-t", seed=1)
    torch.save({"model": release_state_dict(released)}, "released.pth")
    cut = run("adapter from-checkpoint released.pth -o cut.safetensors")
    assert cut.exit_code == 0, cut.output
    assert "cat-t" in cut.stdout
    predict = "predict image.png --box 8 8 32 32 --model tiny"
    assert run(f"{predict} --checkpoint released.pth -o whole.tif").exit_code == 0
    assert run(f"{predict} --adapter cut.safetensors -o cut.tif").exit_code == 0
    assert np.array_equal(tifffile.imread("whole.tif"), tifffile.imread("cut.tif"))


def test_a_binary_mask_gives_one_shot_object_an_area(folder: Path, run: Run) -> None:
    tifffile.imwrite("binary.tif", (read_image("labels.tif") > 0).astype(np.uint8) * 255)
    line = "adapt --image image.png --mask binary.tif --model tiny --method hq --steps 1"
    assert run(f"{line} -o auto.safetensors").exit_code == 0
    assert load_adapter("auto.safetensors").header.shots[0].objects == 4
    assert run(f"{line} --objects labels -o one.safetensors").exit_code == 0
    assert load_adapter("one.safetensors").header.shots[0].objects == 1


@pytest.mark.parametrize("prompt", ["box", "point"])
def test_evaluate_writes_what_it_measured(folder: Path, run: Run, prompt: str) -> None:
    line = f"evaluate --images images --masks masks --model tiny --prompt {prompt} --json out.json"
    result = run(line)
    assert result.exit_code == 0, result.output
    content = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    assert (content["n_images"], content["n_objects"], content["prompt"]) == (2, 8, prompt)
    assert 0 <= content["iou_mean_object"] <= 1
    assert 0 <= content["iou_dataset"] <= 1
    assert [row["name"] for row in content["per_image"]] == ["a", "b"]
    assert set(content["per_image"][0]) == {"name", "n_objects", "iou_mean_object", "iou_union"}
    assert (content["model"], content["adapter"]) == ("tiny", None)
    assert content["version"] == napari_catsam.__version__
    assert f"{content['iou_mean_object']:.4f}" in result.stdout
    for key in ("iou_box_itself", "iou_ellipse"):
        assert 0 < content[key] <= 1
        assert f"{content[key]:.4f}" in result.stdout
    assert -1 <= content["rank_correlation"] <= 1
    assert "Rank correlation" in result.stdout


def test_evaluate_shows_the_mean_after_each_click(folder: Path, run: Run) -> None:
    line = "evaluate --images images --masks masks --model tiny --prompt point --clicks 2"
    result = run(f"{line} --json out.json")
    assert result.exit_code == 0, result.output
    content = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    assert content["clicks"] == len(content["iou_by_click"]) == 2
    assert content["iou_by_click"][-1] == content["iou_mean_object"]
    for number, iou in enumerate(content["iou_by_click"], start=1):
        assert f"after click {number}" in result.stdout
        assert f"{iou:.4f}" in result.stdout


def test_evaluate_can_zoom_in(folder: Path, run: Run) -> None:
    for name, small in (("wide", "image.png"), ("wide_masks", "labels.tif")):
        array = np.zeros((300, 700), np.uint8)
        array[:80, :100] = read_image(small)
        (folder / name).mkdir()
        tifffile.imwrite(folder / name / "a.tif", array)
    line = "evaluate --images wide --masks wide_masks --model tiny --json out.json"
    contents = []
    for options in ("", "--tiles", "--tiles --prompt point --clicks 2"):
        result = run(f"{line} {options}")
        assert result.exit_code == 0, result.output
        contents.append(json.loads((folder / "out.json").read_text(encoding="utf-8")))
    plain, zoomed, clicked = contents
    assert [content["tiles"] for content in contents] == [False, True, True]
    assert zoomed["iou_mean_object"] > plain["iou_mean_object"]
    assert zoomed["iou_ellipse"] == plain["iou_ellipse"]
    assert len(clicked["iou_by_click"]) == 2


def test_evaluate_measures_what_was_chosen(folder: Path, run: Run) -> None:
    Path("some.txt").write_text("b\n")
    line = "evaluate --images images --masks masks --model tiny --select some.txt"
    assert run(f"{line} --limit-objects 2 --smallest 20 --json out.json").exit_code == 0
    content = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in content["per_image"]] == ["b"]
    assert (content["n_objects"], content["limit_objects"], content["smallest"]) == (2, 2, 20)
    assert (content["select"], content["rank_correlation"]) == ("some.txt", None)


def test_evaluate_can_be_limited_and_told_what_an_object_is(folder: Path, run: Run) -> None:
    line = "evaluate --images images --masks masks --model tiny --limit 1 --objects components"
    assert run(f"{line} --json out.json").exit_code == 0
    content = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    assert (content["n_images"], content["n_objects"], content["objects"]) == (1, 4, "components")


def test_the_module_is_the_same_program(folder: Path) -> None:
    good = run_module("predict image.png --box 8 8 32 32 --point 20 20 - --model tiny -o out.tif")
    assert good.returncode == 0, good.stderr
    assert "Objects" in good.stdout
    assert tifffile.imread("out.tif").shape == (80, 100)
    bad = run_module("predict nowhere.png --box 8 8 32 32 -o out.tif")
    assert bad.returncode == 2
    assert bad.stderr.splitlines() == [
        "napari-catsam: there is no file nowhere.png; check the path"
    ]


def run_module(line: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "napari_catsam", *line.split()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_ctrl_c_finishes_an_adaptation_with_what_it_has(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Progress] = []

    def describe(progress: Progress) -> str:
        seen.append(progress)
        if len(seen) == 3:
            signal.raise_signal(signal.SIGINT)
        return ""

    monkeypatch.setattr(adapt_command, "_describe", describe)
    shot = "--image image.png --mask labels.tif --model tiny --method hq"
    result = run(f"adapt {shot} --budget 200 -o a.safetensors")
    assert result.exit_code == 0, result.output
    assert len(seen) == 3
    assert load_adapter(folder / "a.safetensors").header.steps <= 2


def test_help_loads_neither_torch_nor_napari() -> None:
    code = (
        "import sys\nfrom napari_catsam.cli.app import app\n"
        "try: app(['predict', '--help'])\nexcept SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "--point" in done.stdout
    assert not set(done.stderr.split()) & {"torch", "napari", "skimage", "scipy", "qtpy", "numpy"}
