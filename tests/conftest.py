"""What every test gets: no network, the same random numbers, few threads."""

from __future__ import annotations

import os
import random
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PREFERENCES = tempfile.TemporaryDirectory(prefix="napari-catsam-preferences-")
# napari looks where its settings are when it is imported, so this cannot wait for a fixture.
os.environ["NAPARI_CONFIG"] = str(Path(PREFERENCES.name) / "settings.yaml")

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


class NetworkIsClosedError(RuntimeError):
    """A test reached for another machine."""


@pytest.fixture(autouse=True)
def closed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this computer."""
    connect = socket.socket.connect
    resolve = socket.getaddrinfo

    def connect_local(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOCAL_HOSTS:
            raise NetworkIsClosedError(f"a test connects to {address[0]}; serve on 127.0.0.1")
        connect(self, address)

    def resolve_local(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and host not in LOCAL_HOSTS:
            raise NetworkIsClosedError(f"a test looks up {host}; serve on 127.0.0.1")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connect_local)
    monkeypatch.setattr(socket, "getaddrinfo", resolve_local)


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    """Seed every generator that a test may draw from by accident."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  (libraries draw from the global state)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(autouse=True)
def few_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute the tiny model on one thread, here and in child processes.

    It is so small that threads cost more than they give, many times more on a busy machine.
    """
    import torch

    threads = 2 if request.node.get_closest_marker("slow") else 1
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    torch.set_num_threads(threads)
