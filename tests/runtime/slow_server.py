"""A small HTTP server in threads: /slow answers after 20 ms, /stream in pieces, /sse never ends."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

_HEAD = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_CHUNK = b"2\r\nhi\r\n"


def _answer(connection: socket.socket, path: bytes) -> None:
    if b"slow" in path:
        time.sleep(0.02)
    if b"stream" in path:
        connection.sendall(_CHUNKED)
        for _ in range(3):
            time.sleep(0.01)
            connection.sendall(_CHUNK)
        connection.sendall(b"0\r\n\r\n")
    elif b"sse" in path:
        connection.sendall(_CHUNKED + _CHUNK)
    else:
        connection.sendall(_HEAD + b"Content-Length: 2\r\n\r\nhi")


def _serve(connection: socket.socket) -> None:
    with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
        while line := lines.readline():
            while lines.readline().strip():
                pass
            _answer(connection, line.split()[1])


def _accept() -> None:
    while True:
        connection, _ = _listener.accept()
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


_listener = socket.create_server(("127.0.0.1", 0))
PORT = _listener.getsockname()[1]
URL = f"http://127.0.0.1:{PORT}"
threading.Thread(target=_accept, daemon=True).start()
