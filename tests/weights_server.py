"""A web server on 127.0.0.1 that can also misbehave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class WeightsServer:
    """What is served by path: a body, and the length that is announced for it."""

    url: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    announced: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def serve(self, path: str, body: bytes, announced: int | None = None) -> str:
        """Put a body up and return its address."""
        self.bodies[path] = body
        self.announced[path] = len(body) if announced is None else announced
        return self.url + path


@contextmanager
def run_weights_server() -> Iterator[WeightsServer]:
    """Run a server in a thread until the block ends."""
    served = WeightsServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append(self.path)
            if self.path not in served.bodies:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(served.announced[self.path]))
            self.end_headers()
            try:
                self.wfile.write(served.bodies[self.path])
            except ConnectionError:
                pass  # the client had enough

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
