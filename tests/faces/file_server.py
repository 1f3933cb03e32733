"""An HTTP server of one file on loopback that can be told to misbehave, one request at a time."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["FileServer", "Trick", "serving"]

Trick = Callable[["FileServer", BaseHTTPRequestHandler], None]
"""Answers one request in the honest answer's place."""


class FileServer:
    """`content` under any path, with ranges and an entity tag; `tricks` answer the first requests, in order."""

    def __init__(self, content: bytes, tag: str | None = '"v1"') -> None:
        self.content = content
        self.tag = tag
        self.tricks: list[Trick] = []
        self.asked: list[tuple[str | None, str | None]] = []
        self.url = ""
        self.let_go = threading.Event()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """What a good server does (RFC 9110, 13.1.5 and 14)."""
        start = self._start(handler)
        body = self.content[start:]
        if start and not body:
            self.send(handler, 416, b"", {"Content-Range": f"bytes */{len(self.content)}"})
        elif start:
            span = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
            self.send(handler, 206, body, {"Content-Range": span})
        else:
            self.send(handler, 200, body, {})

    def send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        headers: dict[str, str],
        says_bytes: int | None = -1,
    ) -> None:
        """`says_bytes` -1: the body's own length; None: no length at all."""
        handler.send_response(status)
        if self.tag is not None:
            handler.send_header("ETag", self.tag)
        if says_bytes is not None:
            handler.send_header("Content-Length", str(len(body) if says_bytes == -1 else says_bytes))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.wfile.flush()

    def _start(self, handler: BaseHTTPRequestHandler) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        same = handler.headers.get("If-Range") == self.tag
        return int(match[1]) if match and same else 0


def _handler_of(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append((self.headers.get("Range"), self.headers.get("If-Range")))
            trick = server.tricks.pop(0) if server.tricks else FileServer.answer
            trick(server, self)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    return Handler


class _Http(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up in the middle here; that is what is tested."""


@contextmanager
def serving(content: bytes, tag: str | None = '"v1"', encryption: ssl.SSLContext | None = None) -> Iterator[FileServer]:
    """The server, until the block ends; with `encryption` it speaks HTTPS."""
    server = FileServer(content, tag)
    with _Http(("127.0.0.1", 0), _handler_of(server)) as http:
        if encryption is not None:
            http.socket = encryption.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"{'http' if encryption is None else 'https'}://127.0.0.1:{http.server_address[1]}/pack.zip"
        try:
            yield server
        finally:
            server.let_go.set()
            http.shutdown()
            thread.join()
