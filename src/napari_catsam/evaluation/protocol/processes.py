"""One process, or several that share a run: what a run asks of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from napari_catsam.errors import TrainingError
from napari_catsam.models.loading import pick_device

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Processes", "open_processes"]

Row = TypeVar("Row")


class Processes:
    """One process that does everything; also what several look like to a run.

    Parameters
    ----------
    device : torch.device
        Where this process computes.

    Attributes
    ----------
    rank, count : int
        Which of how many processes this is.
    """

    rank: int = 0
    count: int = 1

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    def share(self, module: nn.Module) -> Callable[..., torch.Tensor]:
        """Return what computes the module such that gradients are averaged over the processes."""
        return module

    def backward(self, loss: torch.Tensor) -> None:
        """Compute gradients."""
        loss.backward()

    def mean(self, value: torch.Tensor) -> float:
        """Return the mean of a scalar over the processes."""
        return float(value.detach())

    def gather(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows of all processes, in turn: a row a process, then the next of each."""
        return list(rows)

    def wait(self) -> None:
        """Wait until all processes are here."""

    def close(self) -> None:
        """End the connection between the processes."""


class _Connected(Processes):
    """Processes that torchrun or ``fabric run`` started."""

    def __init__(self, fabric: Any) -> None:
        super().__init__(fabric.device)
        self._fabric = fabric
        self.rank, self.count = fabric.global_rank, fabric.world_size

    def share(self, module: nn.Module) -> Callable[..., torch.Tensor]:
        shared: Callable[..., torch.Tensor] = self._fabric.setup_module(module)
        return shared

    def backward(self, loss: torch.Tensor) -> None:
        self._fabric.backward(loss)

    def mean(self, value: torch.Tensor) -> float:
        return float(self._fabric.all_reduce(value.detach(), reduce_op="mean"))

    def gather(self, rows: Sequence[Row]) -> list[Row]:
        parts: list[Any] = [None] * self.count
        if self.count == 1:
            return list(rows)
        torch.distributed.all_gather_object(parts, list(rows))
        turns = range(max(map(len, parts)))
        return [part[turn] for turn in turns for part in parts if turn < len(part)]

    def wait(self) -> None:
        self._fabric.barrier()

    def close(self) -> None:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def open_processes(device: str = "auto") -> Processes:
    """Connect to the other processes of this run, if a launcher started several.

    On CUDA, matrices are multiplied in TF32 from here on, as in the released training.

    Parameters
    ----------
    device : str
        As in :func:`~napari_catsam.models.loading.load_model`; with several processes each takes
        one of the kind.

    Raises
    ------
    TrainingError
        If there are several, and lightning-fabric is not installed.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    by_fabric = os.environ.get("LT_CLI_USED") == "1"
    processes = _connect(device, count, by_fabric=by_fabric)
    if processes.device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    return processes


def _connect(device: str, count: int, *, by_fabric: bool) -> Processes:
    if count == 1 and not by_fabric:
        return Processes(pick_device(device))
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise TrainingError(
            f"{count} processes were started, which needs lightning-fabric; "
            "install it with: pip install 'napari-catsam[train]'"
        ) from error
    fabric = Fabric() if by_fabric else Fabric(**_describe_processes(device, count))
    if not by_fabric:  # which has connected them already
        fabric.launch()
    return _Connected(fabric)


def _describe_processes(device: str, count: int) -> dict[str, Any]:
    local = int(os.environ.get("LOCAL_WORLD_SIZE", str(count)))
    kind = pick_device("auto").type if device == "auto" else torch.device(device).type
    # Only the CPU and CUDA have a way to average gradients.
    accelerator = "cuda" if kind == "cuda" else "cpu"
    return {
        "accelerator": accelerator,
        "devices": local,
        "num_nodes": max(1, count // local),
        "strategy": "ddp",
    }
