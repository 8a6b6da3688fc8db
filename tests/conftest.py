"""What every test gets: no network, the same random numbers, two threads."""

from __future__ import annotations

import random
import socket
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

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


@pytest.fixture(scope="session", autouse=True)
def two_threads() -> Iterator[None]:
    """Let the suite take two cores, however many the machine has."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(min(2, before))
    yield
    torch.set_num_threads(before)
