"""The time zone in which a reader wants to see instants: kept in a cookie, else the configured one."""

from difflib import get_close_matches
from functools import cache
from http import HTTPStatus
from zoneinfo import ZoneInfo, available_timezones

from watcher.web.problems import Problem

COOKIE = "invoice_watcher_timezone"
KEPT_SECONDS = 365 * 24 * 3600
_LONGEST = 64
_MANY = 3


def zone_of(cookie: str | None, configured: ZoneInfo) -> ZoneInfo:
    """The zone of the cookie, or the configured one: a cookie may say anything."""
    name = None if cookie is None else _exact().get(_plain(cookie))
    return configured if name is None else ZoneInfo(name)


def find_zone(text: str) -> str:
    """The IANA name that a person means: in any case, with spaces, or only its city. Raises Problem, in words."""
    wanted = _plain(text)
    if (name := _exact().get(wanted)) is not None:
        return name
    cities = _cities().get(wanted, ())
    if len(cities) == 1:
        return cities[0]
    near = cities or _near(wanted)
    meant = f" Did you mean {', '.join(near)}?" if near else ""
    raise Problem(
        HTTPStatus.BAD_REQUEST,
        f"This is no time zone: {text[:_LONGEST]}. It must be an IANA name such as Europe/Berlin.{meant}",
    )


def _plain(text: str) -> str:
    return "_".join(text[:_LONGEST].casefold().split())


def _near(wanted: str) -> tuple[str, ...]:
    close = get_close_matches(wanted, [*_exact(), *_cities()], n=_MANY)
    return tuple(dict.fromkeys(_exact().get(one) or _cities()[one][0] for one in close))


@cache
def _exact() -> dict[str, str]:
    return {name.casefold(): name for name in sorted(available_timezones())}


@cache
def _cities() -> dict[str, tuple[str, ...]]:
    """The zones of regions such as Europe by the city in their names; a few cities have several."""
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(available_timezones()):
        region, slash, _ = name.partition("/")
        if slash and region in _REGIONS:
            city = name.rpartition("/")[2].casefold()
            found[city] = (*found.get(city, ()), name)
    return found


_REGIONS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
"""Others, such as US and Etc, are further names for the same zones."""
