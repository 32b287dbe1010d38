"""Which URLs and addresses the config may name. All checks raise ValueError with messages that show no password."""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

Network = IPv4Network | IPv6Network

POSTGRESQL_DRIVER = "asyncpg"

_LONGEST_URL = 2000
_HTTPS_PORT = 443
_LAST_PORT = 65_535
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test", ".svc")
"""Names that no public resolver answers (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`), and those of clusters."""


def check_endpoint_url(url: str) -> None:
    """Checks the syntax only; `check_endpoint_reach` checks scheme, host and port."""
    parts = _split(url)
    if parts.fragment:
        raise ValueError("has a fragment (#…) that is never sent, must have none")


def check_endpoint_reach(url: str, allow_private: Sequence[Network], allow_ports: Sequence[int]) -> None:
    """Whether the sender could ever be allowed to use this URL. Names are only resolved when it sends."""
    parts = urlsplit(url)
    address = _literal(parts.hostname or "")
    named_private = address is None and bool(allow_private)
    if named_private or (address is not None and any(address in network for network in allow_private)):
        return
    if (address is not None and not address.is_global) or _is_local(parts.hostname or ""):
        raise ValueError("leads to a private address, must be public or inside the CIDRs of allow_private")
    if parts.scheme != "https":
        raise ValueError("is not https, must be https except inside the CIDRs of allow_private")
    if parts.port not in {None, _HTTPS_PORT, *allow_ports}:
        raise ValueError(f"has the port {parts.port}, must be {_HTTPS_PORT} or one of allow_ports")


def provider_url(url: str) -> str:
    """A provider's base URL without a slash at its end."""
    parts = _split(url)
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("has a query or a fragment, must be scheme, host and perhaps a path")
    if parts.scheme == "http" and not _may_be_plain(parts.hostname or ""):
        raise ValueError("is http, must be https except for loopback and private addresses")
    return url.rstrip("/")


def database_url(url: str, base: Path) -> str:
    """The URL with its SQLite file made absolute. PostgreSQL URLs may contain a password: they are never shown."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"sqlite", "postgresql"}:
        raise ValueError(
            "is not a database this program uses, allowed: sqlite:///relative.db, sqlite:////absolute.db or "
            "postgresql://user@host/name"
        )
    if scheme == "postgresql":
        if find_spec(POSTGRESQL_DRIVER) is None:
            raise ValueError(
                f"needs {POSTGRESQL_DRIVER}, which is not installed: pip install 'invoice-watcher[postgresql]'"
            )
        return _postgresql_url(url)
    path = rest.removeprefix("/")
    if not rest.startswith("/") or not path or path.endswith("/"):
        raise ValueError(
            "names no file, allowed: sqlite:///relative.db (three slashes) or sqlite:////absolute.db (four)"
        )
    if path == ":memory:" or "?" in path or path.startswith("file:"):
        raise ValueError("must name a file on disk and nothing else, such as sqlite:///invoice-watcher.db")
    return f"sqlite:///{(base / path).absolute()}"


def listen_address(text: str) -> str:
    """`host:port`, or empty for no listener."""
    if text:
        split_listen(text)
    return text


def split_listen(text: str) -> tuple[str, int]:
    """Host without brackets, and port (0 takes a free one)."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    wrong = not colon or not host or (":" in host and not bracketed) or _UNSAFE.search(host) or "/" in host
    if wrong or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > _LAST_PORT:
        raise ValueError('is not an address, allowed: host:port such as "127.0.0.1:8480", "[::1]:8480", or "" for off')
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    address = _literal(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def _postgresql_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("is not a URL, allowed: postgresql://user@host:port/name") from error
    if not parts.path.strip("/") or port == 0:
        raise ValueError("names no database, allowed: postgresql://user@host:port/name")
    return url


def _split(url: str) -> SplitResult:
    if len(url) > _LONGEST_URL:
        raise ValueError(f"has {len(url)} characters, must have at most {_LONGEST_URL}")
    if _UNSAFE.search(url):
        raise ValueError("holds spaces, control characters or backslashes, must be a URL such as https://example.com")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("is not a URL, must be one such as https://example.com/hooks") from error
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("is not a URL with scheme and host, must be one such as https://example.com/hooks")
    if "@" in parts.netloc:
        raise ValueError("holds a user name or password, must have none before its host")
    if port == 0:
        raise ValueError("has the port 0, must be 1 to 65535")
    return parts


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_local(host: str) -> bool:
    return host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost")


def _may_be_plain(host: str) -> bool:
    address = _literal(host)
    if address is not None:
        return not address.is_global
    name = host.lower().rstrip(".")
    return "." not in name or name.endswith(_LOCAL_SUFFIXES)
