"""`make licences`: what the program runs on, with all its extras, and under which licences, into docs/licences.md.

Licences are read from the metadata of what is installed, as its authors declare them.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release import EXTRAS, ROOT

PAGE = ROOT / "docs" / "licences.md"
PERMISSIVE = frozenset(
    {
        "0BSD", "Apache 2.0", "Apache Software License", "Apache-2.0", "BSD License", "BSD-2-Clause", "BSD-3-Clause",
        "ISC", "ISC License", "MIT", "MIT License", "PSF-2.0", "Python Software Foundation License",
    }
)  # fmt: skip
"""They ask for their notices to be kept, and no more."""
FILE_COPYLEFT = frozenset({"MPL-2.0"})
"""Changed files of theirs stay under their licence. Programs that only use them may have any."""

_HEAD = ("| package | licence | comes with |", "|---|---|---|")
_LONGEST_NAME = 60
"""A longer `License` field is the text of a licence, not its name."""
_CLASSIFIER = "License :: OSI Approved :: "


@dataclass(frozen=True, slots=True)
class Licensed:
    package: str
    version: str
    licence: str
    extra: str | None
    """None: everybody gets it."""

    @property
    def row(self) -> str:
        return f"| {self.package} | {self.licence} | {f'extra `{self.extra}`' if self.extra else 'the program'} |"


def run_time() -> tuple[Licensed, ...]:
    """Every package that the program needs on this machine, and those that they need, by name."""
    found: dict[str, Licensed] = {}
    for extra in (None, *EXTRAS):
        for one in _needed("invoice-watcher", frozenset({extra} if extra else ()), set()):
            name = canonicalize_name(one.name)
            found.setdefault(name, Licensed(name, one.version, declared(one), extra))
    return tuple(found[name] for name in sorted(found))


def declared(package: Distribution) -> str:
    """An SPDX expression where there is one, else the words of its authors."""
    names = [*_field(package, "License-Expression"), *filter(_is_name, _field(package, "License"))]
    if names:
        return names[0]
    classifiers = [line for line in _field(package, "Classifier") if line.startswith(_CLASSIFIER)]
    return " AND ".join(line.removeprefix(_CLASSIFIER) for line in classifiers) or "not declared"


def is_compatible(licence: str) -> bool:
    """Whether a program under the MIT licence may depend on it, whichever of several licences applies."""
    names = re.split(r"\s+(?:AND|OR)\s+", licence.replace("(", "").replace(")", ""))
    return all(name in PERMISSIVE | FILE_COPYLEFT for name in names)


def rows(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("|")][len(_HEAD) :]


def _needed(name: str, extras: frozenset[str], seen: set[tuple[str, str]]) -> Iterator[Distribution]:
    for line in distribution(name).requires or ():
        wanted = Requirement(line)
        applies = [
            extra for extra in ("", *extras) if wanted.marker is None or wanted.marker.evaluate({"extra": extra})
        ]
        key = (canonicalize_name(wanted.name), ",".join(sorted(wanted.extras)))
        if applies and key not in seen:
            seen.add(key)
            yield distribution(wanted.name)
            yield from _needed(wanted.name, frozenset(wanted.extras), seen)


def _field(package: Distribution, name: str) -> list[str]:
    return package.metadata.get_all(name) or []


def _is_name(licence: str) -> bool:
    return 0 < len(licence) <= _LONGEST_NAME and "\n" not in licence


def main() -> None:
    packages = run_time()
    head = PAGE.read_text("utf-8").partition(_HEAD[0])[0]
    PAGE.write_text(head + "\n".join([*_HEAD, *(one.row for one in packages)]) + "\n", "utf-8")
    if unfit := [one.row for one in packages if not is_compatible(one.licence)]:
        sys.exit("Not known to be compatible with MIT:\n" + "\n".join(unfit))


if __name__ == "__main__":
    main()
