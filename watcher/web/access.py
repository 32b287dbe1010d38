"""Checks who may ask: the Host and Origin of every request, then a token or the login cookie.

Host and Origin are checked with and without a token: in a browser on this machine, a page from elsewhere can reach
loopback, by its own name made to point here (DNS rebinding) or by sending a form across sites.
"""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from watcher.ports import AccessToken, Caller, Scope

COOKIE = "invoice_watcher_session"
SESSION = timedelta(hours=12)
LOOPBACK = "loopback"
"""Whoever asks where no token is set: what runs on this machine."""
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_SAME_SITE = frozenset({"same-origin", "none"})
"""`none`: the user typed the address, or followed a bookmark (Fetch Metadata §2.2)."""


@dataclass(frozen=True, slots=True)
class Access:
    """`listen_host` is what was configured; `tokens` returns those in force, none if everything is open.

    `names` returns further host names of this service, in lower case.
    """

    listen_host: str
    tokens: Callable[[], Sequence[AccessToken]]
    names: Callable[[], Collection[str]]

    def is_our_host(self, host: str | None) -> bool:
        """Whether a Host header means this service: loopback, the address that it listens on, or one of its names.

        An address cannot be rebound like a name; if we listen on all addresses, each one is ours.
        """
        name = _host_name(host)
        if name is None:
            return False
        address, ours = _address(name), _address(self.listen_host)
        if address is None:
            return name in {"localhost", self.listen_host.lower(), *self.names()}
        return address.is_loopback or address == ours or (ours is not None and ours.is_unspecified)

    def is_same_site(self, method: str, headers: Mapping[str, str]) -> bool:
        """Whether a request comes from a page of this service, or from no page at all (Origin, Fetch Metadata)."""
        site = headers.get("Sec-Fetch-Site")
        if site is not None:
            # A link from elsewhere is harmless: it sends no cookie (SameSite=Strict) and reads nothing.
            followed = method in _SAFE_METHODS and headers.get("Sec-Fetch-Mode") == "navigate"
            if site not in _SAME_SITE and not followed:
                return False
            if site == "same-origin":
                return True
        origin = headers.get("Origin")
        if origin is None:
            return True
        return _authority(origin) == (headers.get("Host") or "").lower()

    def caller(self, headers: Mapping[str, str], cookie: str | None, now: datetime) -> Caller | None:
        """Who asks, by a token or by the cookie of a login with one; None for neither. Without tokens, everybody may.

        A wrong token is not saved by a right cookie.
        """
        tokens = self.tokens()
        if not tokens:
            return Caller(LOOPBACK, Scope.OPERATE)
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        if given:
            found = self._token(given.strip()) if scheme.lower() == "bearer" else None
            return None if found is None else Caller(f"token:{found.name}", found.scope)
        found = None if cookie is None else _of_session(cookie, tokens, now)
        return None if found is None else Caller(f"page:{found.name}", found.scope)

    def log_in(self, given: str, now: datetime) -> str | None:
        """A cookie for whoever gives a token, None for what is none.

        `caller` accepts it until it ends or the token changes. It reveals nothing about the token.
        """
        token = self._token(given)
        if token is None:
            return None
        ends = str(int((now + SESSION).timestamp()))
        return f"{ends}.{_seal(ends, token.value)}"

    def _token(self, given: str) -> AccessToken | None:
        """Compared with all of them, whichever it is: the time says nothing about any."""
        found = None
        for token in self.tokens():
            if _same(given, token.value):
                found = token
        return found


def _of_session(cookie: str, tokens: Sequence[AccessToken], now: datetime) -> AccessToken | None:
    ends, _, seal = cookie.partition(".")
    found = None
    for token in tokens:
        if _same(seal, _seal(ends, token.value)):
            found = token
    is_over = not (ends.isascii() and ends.isdigit()) or now.timestamp() >= int(ends)
    return None if is_over else found


def _seal(ends: str, token: str) -> str:
    return hmac.new(token.encode(), b"session " + ends.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _same(given: str, right: str) -> bool:
    """Compares in constant time, including the length: digests are compared."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest() for text in (given, right))
    return hmac.compare_digest(*digests)


def _host_name(host: str | None) -> str | None:
    """The name in a Host header, without port and brackets."""
    try:
        parts = urlsplit(f"//{host or ''}")
        name = None if parts.port == 0 else parts.hostname
    except ValueError:
        return None
    whole = parts.netloc == host and "@" not in parts.netloc
    return name.rstrip(".") if whole and name else None


def _authority(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in {"http", "https"} else None


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
