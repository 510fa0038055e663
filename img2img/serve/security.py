"""Who may ask: the machine's own names, the page's own origin, the token; and what browsers are told about every answer."""

import hmac
import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from img2img.serve.problems import problem
from img2img.serve.settings import Settings

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
GUARDED = ("/v1/", "/metrics", "/openapi.json", "/docs")  # what needs the token; the page's files do not, as its token is in the fragment
CHANGING = ("POST", "PUT", "PATCH", "DELETE")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HostAndHeaders:
    """The outermost layer: refuses other ``Host`` headers (another site's name may point at this machine); adds ``HEADERS``."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.names = {"localhost", settings.host.lower(), *(name.lower() for name in settings.allow_hosts)}
        self.local = is_loopback(settings.host)
        if not self.local:
            self.names.add(socket.gethostname().lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store" if path.startswith(GUARDED) else "no-cache")
            await send(message)

        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) == 1 and self._is_ours(hosts[0]):
            await self.app(scope, receive, with_headers)
        else:
            detail = "the Host header does not name this server: use the address that it printed, or start it with --allow-host"
            await problem(403, detail)(scope, receive, with_headers)

    def _is_ours(self, host: str) -> bool:
        """An address of numbers cannot have been pointed here by another site's DNS; only the right ones reach a loopback server."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.local


class Guard:
    """Refuses what pages of other sites ask for, and who lacks the token."""

    def __init__(self, app: ASGIApp, token: str | None, origins: Iterable[str]) -> None:
        self.app, self.origins = app, frozenset(origins)
        self.expected = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refused(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    def _refused(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if scope["method"] in CHANGING and not self._is_same_site(headers):
            return problem(403, "a page of another site asked for this; --cors ORIGIN would let it")
        if self.expected is not None and scope["path"].startswith(GUARDED):
            given = headers.get("authorization", "").encode("latin-1")
            if not hmac.compare_digest(given, self.expected):
                return problem(401, "send the server's token: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})
        return None

    def _is_same_site(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin in self.origins:
            return True
        if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
            return False
        return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
