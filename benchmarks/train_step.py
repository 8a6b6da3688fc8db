"""Time and peak memory of one training step of CAT-SAM-A: the released code's layout beside ours.

    python -m benchmarks.train_step --backbone vit_b --repeats 3

The released layout writes the attention matrices out and keeps them for the gradient, computes all mask
features on every prompt and takes the loss at the size of the image. Weights are random: they do not change
the work. Every step runs in a process of its own, so that its peak of memory is its own; the two sides take
turns. On the CPU ours keeps freed memory for the next tensor, as a training does. On CUDA peaks are those of
torch's allocator, and ours runs in bfloat16, as it does in use.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median
from typing import Any

import torch

from benchmarks.encoder import describe_machine, random_image
from benchmarks.released_layout import released_decode
from napari_catsam.adaptation.losses import bce_dice_loss
from napari_catsam.heap import keep_freed_memory
from napari_catsam.models.catsam import CatSam, PromptTensors
from napari_catsam.models.encoder import encode
from napari_catsam.sam.backbones import get_backbone, seeded_sam

SIDES = ("released", "ours")
WARM = 3
"""Steps before the one that is timed, on CUDA."""


def make_step(side: str, options: argparse.Namespace) -> Callable[[], torch.Tensor]:
    """Make a function that computes the loss of a step."""
    row = get_backbone(options.backbone)
    model = CatSam(row, seeded_sam(options.backbone), "cat-a").to(options.device)
    image = random_image(options.backbone).to(options.device)
    clicks = torch.full((options.objects, 1, 2), row.image_size / 2, device=options.device)
    labels = torch.ones(options.objects, 1, dtype=torch.long, device=options.device)
    prompts = PromptTensors(points=clicks, labels=labels)
    assert model.head is not None
    if side == "released":
        # The modules of segment_anything write attention out; the tuner is attached to neither.
        peer: Any = seeded_sam(options.backbone).image_encoder.to(options.device)
        peer.requires_grad_(False)
        target = torch.zeros(options.objects, row.image_size, row.image_size, device=options.device)

        def step() -> torch.Tensor:
            assert model.head is not None
            found = encode(peer, model.tuner, image, model.head.token)
            logits = released_decode(model, found.features, found.early, prompts)
            whole = torch.nn.functional.interpolate(
                logits[:, None], target.shape[1:], mode="bilinear"
            )
            return bce_dice_loss(whole[:, 0], target)

        return step
    low = torch.zeros(
        options.objects, row.low_resolution, row.low_resolution, device=options.device
    )
    cuda = options.device.startswith("cuda")
    model.encoder_dtype = torch.bfloat16 if cuda else torch.float32
    model.checkpoint_blocks = options.checkpoint_blocks

    def our_step() -> torch.Tensor:
        found = model.encode(image)
        logits = model.decode(found.features, model.detail(found), prompts).logits[:, 0]
        return bce_dice_loss(logits, low)

    return our_step


def measure(side: str, options: argparse.Namespace) -> dict[str, float]:
    """Time one step, and find how far memory rose above what the weights take."""
    torch.set_num_threads(options.threads)
    step, cuda = make_step(side, options), options.device.startswith("cuda")
    with keep_freed_memory() if side == "ours" else nullcontext():
        return time_step(step, cuda)


def time_step(step: Callable[[], torch.Tensor], cuda: bool) -> dict[str, float]:
    """Time a step after a few others on CUDA, and find the peak of its memory."""
    for _ in range(WARM if cuda else 0):
        step().backward()
    before = torch.cuda.memory_allocated() if cuda else peak_of_process()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    started = time.perf_counter()
    step().backward()
    if cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    peak = torch.cuda.max_memory_allocated() if cuda else peak_of_process()
    return {"seconds": seconds, "bytes": peak - before, "peak": peak}


def peak_of_process() -> int:
    """Return the largest memory of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def run_apart(side: str, arguments: list[str]) -> dict[str, float]:
    """Measure a side in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.train_step", *arguments, "--only", side]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def main() -> None:
    """Measure both sides in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="vit_b")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--checkpoint-blocks", action="store_true", help="on our side")
    parser.add_argument("--only", choices=SIDES, default=None)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only, options)))
        return
    print(describe_machine(), flush=True)
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(options.repeats):
        for side in SIDES:
            found[side].append(run_apart(side, sys.argv[1:]))
    for name, unit in (("seconds", 1.0), ("bytes", 1e9), ("peak", 1e9)):
        released, ours = (median(row[name] for row in found[side]) / unit for side in SIDES)
        print(f"{options.backbone} {name}: released {released:.3f}, ours {ours:.3f}, "
              f"ratio {released / ours:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
