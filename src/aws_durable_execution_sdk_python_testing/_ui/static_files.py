"""The page's own files, and the headers that keep anything else out of it.

No script runs and no style counts but from these files: `script-src` and `style-src` allow no
inline code, and `require-trusted-types-for` has the browser refuse every assignment of a text as
HTML, so that what an execution holds cannot become markup even by mistake.
"""

from __future__ import annotations

from importlib import resources

from aiohttp import web

from aws_durable_execution_sdk_python_testing.exceptions import UnknownRouteError

_PAGE = "index.html"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class StaticFiles:
    """Serves the files that lie beside this module, and no others."""

    def __init__(self) -> None:
        place = resources.files("aws_durable_execution_sdk_python_testing._ui") / "static"
        self._files = {file.name: file.read_bytes() for file in place.iterdir() if file.is_file()}

    async def page(self, request: web.Request) -> web.Response:
        return self._answer(_PAGE)

    async def file(self, request: web.Request) -> web.Response:
        name = request.match_info["file"]
        if name not in self._files:
            raise UnknownRouteError(request.method, request.path)
        return self._answer(name)

    def _answer(self, name: str) -> web.Response:
        kind = _TYPES[name[name.rindex(".") :]]
        return web.Response(
            body=self._files[name], content_type=kind, charset="utf-8", headers=_HEADERS
        )
