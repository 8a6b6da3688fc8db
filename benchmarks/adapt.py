"""What adaptation gains on images that it has not seen, in how many seconds.

    python -m benchmarks.adapt --data FOLDER --out results/adapt --seconds 15 30 60 120
    python -m benchmarks.adapt --data FOLDER --out results/adapt --report

``FOLDER`` holds one folder a set, each with ``images/`` and ``masks/``. Every run adds one line to
``runs.jsonl``; a run that is there already is not repeated, so that the whole can be done in pieces (with
``--most 10``, say). ``--report`` writes ``table.md`` and the plots from the lines so far. How a set is
split stands in :mod:`benchmarks.sets`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.adapt_report import write_report
from benchmarks.sets import Dataset, measure
from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.train import adapt
from napari_catsam.models.adapter import apply_adapter
from napari_catsam.models.loading import load_model

if TYPE_CHECKING:
    from napari_catsam.models.catsam import CatSam

SETS = (
    "nuclei_dsb2018",
    "em_isbi2012",
    "xray_jsrt",
    "sonar_fls",
    "aerial_roads",
    "retina_drive",
)


@dataclass(frozen=True)
class Run:
    """One adaptation; its fields name it in the results."""

    data: str
    backbone: str
    shots: int
    seed: int
    seconds: float
    method: str
    init: str
    views: str
    settings: str = "{}"

    @property
    def key(self) -> str:
        """The same for the same run."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def config(self) -> TrainConfig:
        """What to train with."""
        return TrainConfig(
            method=self.method,
            budget_s=self.seconds,
            seed=self.seed,
            init=self.init,  # type: ignore[arg-type]
            views=self.views,  # type: ignore[arg-type]
            **json.loads(self.settings),
        )


def run_once(run: Run, base: CatSam, data: Dataset, known: dict[str, float]) -> dict[str, Any]:
    """Adapt, measure, and say what the guard would have used."""
    started = time.monotonic()
    adapter = adapt(base, data.shots(run.shots, run.seed), run.config)
    seconds = time.monotonic() - started
    adapted = measure(apply_adapter(base, adapter), data)
    header = adapter.header
    return {
        **asdict(run),
        "base": known,
        "adapted": adapted,
        "used": adapted if header.helps else known,
        "helps": header.helps,
        "score_before": header.score_before,
        "score_after": header.score_after,
        "held_out": len(header.scores),
        "scores": [(one.before, one.after) for one in header.scores],
        "steps": header.steps,
        "wall_seconds": seconds,
        "note": header.note,
        "threads": torch.get_num_threads(),
        "device": str(base.device),
    }


def list_runs(options: argparse.Namespace) -> list[Run]:
    """List all runs that the options ask for, the shortest first."""
    axes = itertools.product(
        options.seconds,
        options.seeds,
        options.shots,
        options.methods,
        options.inits,
        options.views,
        options.sets,
    )
    return [
        Run(data, options.backbone, shots, seed, seconds, method, init, views, options.settings)
        for seconds, seed, shots, method, init, views, data in axes
    ]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the results so far."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def key_of(line: dict[str, Any]) -> str:
    """Name the run of a line of the results."""
    return Run(**{name: line[name] for name in Run.__dataclass_fields__}).key


def run_all(options: argparse.Namespace) -> None:
    """Do what is missing, one line a run."""
    path = options.out / "runs.jsonl"
    done = {key_of(line) for line in read_lines(path)}
    todo = [run for run in list_runs(options) if run.key not in done][: options.most]
    model = load_model(options.backbone, device=options.device)
    sets: dict[str, tuple[Dataset, dict[str, float]]] = {}
    for number, run in enumerate(todo, start=1):
        if run.data not in sets:
            data = Dataset(options.data / run.data, options.images)
            sets[run.data] = data, measure(model, data)
        line = run_once(run, model, *sets[run.data])
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        before, after = line["base"]["dataset_iou"], line["adapted"]["dataset_iou"]
        print(
            f"{number}/{len(todo)} {run.data} {run.method} {run.init} {run.views} "
            f"{run.shots} shots {run.seconds:g} s seed {run.seed}: {line['steps']} steps, "
            f"dataset IoU {before:.3f} -> {after:.3f}, helps: {line['helps']}",
            flush=True,
        )


def main() -> None:
    """Run what is asked for, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--backbone", default="vit_nano")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--shots", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--seconds", nargs="+", type=float, default=[15, 30, 60, 120])
    parser.add_argument("--methods", nargs="+", default=["cat-a"])
    parser.add_argument("--inits", nargs="+", default=["identity"])
    parser.add_argument("--views", nargs="+", default=["new"])
    parser.add_argument("--settings", default="{}", help="further fields of TrainConfig, as JSON")
    parser.add_argument("--images", type=int, default=8, help="test images of a set")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--most", type=int, default=None, help="do at most so many runs now")
    parser.add_argument("--report", action="store_true", help="only write table and plots")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    options.settings = json.dumps(json.loads(options.settings), sort_keys=True)
    torch.set_num_threads(options.threads)
    if not options.report:
        run_all(options)
    write_report(read_lines(options.out / "runs.jsonl"), options.out)


if __name__ == "__main__":
    main()
