"""All eight methods from one shot on five kinds of images, with the model that ships in the package.

    python -m benchmarks.mini_table --data FOLDER --out results/mini_table
    python -m benchmarks.mini_table --out results/mini_table --report --docs docs/results.md

``FOLDER`` holds one folder a set, each with ``images/`` and ``masks/``, split as :mod:`benchmarks.sets`
says. Every method gets the same shot, recipe and number of steps; steps and not seconds, so that a busy
computer changes no result. Every run adds one line to ``runs.jsonl``; one that is there already is not
repeated, so that the whole can be done in pieces (with ``--most 10``, say) and goes on where it was
killed. ``--report`` writes ``table.md`` and a plot, and with ``--docs`` puts both into a page.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.mini_table_report import METHODS, SETS, write_docs, write_report
from benchmarks.sets import Dataset, measure
from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.train import adapt
from napari_catsam.models.adapter import apply_adapter
from napari_catsam.models.loading import load_model

if TYPE_CHECKING:
    from napari_catsam.models.catsam import CatSam

TEST_IMAGES = 6
LIMIT_OBJECTS = 16
"""At most so many objects of a test image are measured."""

SHOT_OBJECTS = 25
"""So many of the shot are learnt from, as the paper has it for images of many buildings."""

SETTINGS = "{}"
"""The recipe that the program adapts with, for every method."""

UNTRAINED = "sam"


@dataclass(frozen=True)
class Run:
    """One cell of the table with one seed; its fields name it in the results.

    Attributes
    ----------
    data, backbone, method : str
        Names; ``data`` is a folder's.
    weights : str
        First digits of the hash of the backbone's weights: results of others are no results of these.
    seed : int
        Of the shot, the fresh weights, the views and the prompts.
    steps : int
        Of training; 0 for ``sam``.
    init : str
        As in :class:`~napari_catsam.adaptation.config.TrainConfig`.
    settings : str
        Further fields of it, as JSON.
    """

    data: str
    backbone: str
    weights: str
    method: str
    seed: int
    steps: int
    init: str
    settings: str

    @property
    def key(self) -> str:
        """The same for the same run."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def config(self) -> TrainConfig:
        """What to train with; no run ends before its last step."""
        return TrainConfig(
            method=self.method,
            steps=self.steps,
            seed=self.seed,
            init=self.init,  # type: ignore[arg-type]
            **({"patience": None} | json.loads(self.settings)),
        )


@functools.cache
def open_model(backbone: str, threads: int) -> CatSam:
    """Load the base model once a process; on the CPU, where a seed decides the result."""
    torch.set_num_threads(threads)
    return load_model(backbone, device="cpu")


def run_once(run: Run, data: Path, threads: int) -> dict[str, Any]:
    """Train on one shot and measure on images of the same set that were not seen."""
    base, dataset = open_model(run.backbone, threads), Dataset(data / run.data, TEST_IMAGES)
    wall, cpu = time.monotonic(), time.process_time()
    model, facts = base, {"trainable": 0, "shot": "", "score_before": None, "score_after": None}
    if run.method != UNTRAINED:
        shots = dataset.shots(1, run.seed, SHOT_OBJECTS)
        adapter = adapt(base, shots, run.config)
        model, header = apply_adapter(base, adapter), adapter.header
        facts = {
            "trainable": adapter.parameters,
            "shot": shots[0].name,
            "score_before": header.score_before,
            "score_after": header.score_after,
        }
    scores = measure(model, dataset, LIMIT_OBJECTS)
    return {
        **asdict(run),
        **scores,
        **facts,
        "wall_seconds": time.monotonic() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "threads": threads,
        "torch": torch.__version__,
    }


def list_runs(options: argparse.Namespace, weights: str) -> Iterator[Run]:
    """List all runs, one seed after the other, so that each seed makes a whole table."""
    for seed, data, method in itertools.product(options.seeds, options.sets, options.methods):
        shared = (data, options.backbone, weights, method)
        if method != UNTRAINED:
            yield Run(*shared, seed, options.steps, options.init, options.settings)
        elif seed == options.seeds[0]:  # nothing in it depends on a seed
            yield Run(*shared, 0, 0, "", "{}")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the results so far; a line that a kill cut off is no result."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines


def add_line(path: Path, line: dict[str, Any]) -> None:
    """Add a result on a line of its own, also after one that a kill cut off."""
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if torn else "") + json.dumps(line) + "\n")


def key_of(line: dict[str, Any]) -> str:
    """Name the run of a line of the results."""
    return Run(**{field.name: line[field.name] for field in fields(Run)}).key


def iterate_lines(todo: list[Run], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Do runs one after the other, or in several processes."""
    work = functools.partial(run_once, data=options.data, threads=options.threads)
    if options.jobs == 1:
        yield from map(work, todo)
        return
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        yield from pool.map(work, todo)


def run_all(options: argparse.Namespace) -> None:
    """Do what is missing, one line a run."""
    path = options.out / "runs.jsonl"
    weights = open_model(options.backbone, options.threads).backbone_sha256[:12]
    done = {key_of(line) for line in read_lines(path)}
    todo = [run for run in list_runs(options, weights) if run.key not in done][: options.most]
    for number, line in enumerate(iterate_lines(todo, options), start=1):
        add_line(path, line)
        print(
            f"{number}/{len(todo)} {line['data']} {line['method']} {line['init']} seed {line['seed']}: "
            f"dataset IoU {line['dataset_iou']:.4f}, object IoU {line['object_iou']:.4f}, "
            f"{line['cpu_seconds']:.0f} s of CPU",
            flush=True,
        )


def main() -> None:
    """Run what is asked for, and report."""
    options = parse_options()
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.report:
        run_all(options)
    lines = read_lines(options.out / "runs.jsonl")
    write_report(lines, options.out)
    if options.docs is not None and lines:
        write_docs(lines, options.docs)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="needed unless there is only a report to write")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--init", default="identity", choices=["base", "identity", "official"])
    parser.add_argument(
        "--settings", default=SETTINGS, help="further fields of TrainConfig, as JSON"
    )
    parser.add_argument("--backbone", default="vit_nano")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--most", type=int, default=None, help="do at most so many runs now")
    parser.add_argument("--report", action="store_true", help="only write table and plot")
    parser.add_argument("--docs", type=Path, help="a page to put table and plot into")
    options = parser.parse_args()
    if options.data is None and not options.report:
        parser.error("--data is missing: the folder that holds the sets")
    options.settings = json.dumps(json.loads(options.settings), sort_keys=True)
    return options


if __name__ == "__main__":
    main()
