"""Which providers a configuration has: the built-in ones, and those of its adapter files."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from watcher.config.adapters.plugins import broken_plugins
from watcher.config.toml.reading import Reading, TomlFile
from watcher.providers.toolkit.kind import ProviderKind


@dataclass(frozen=True, slots=True)
class Kinds:
    """`broken` are the names of adapter files with mistakes: a source that uses one is no further mistake."""

    known: Mapping[str, ProviderKind]
    broken: Collection[str] = ()


def read_kinds(
    file: TomlFile, patterns: Sequence[str], reading: Reading, built_in: Mapping[str, ProviderKind]
) -> Kinds:
    """The built-in providers and those of the files that the patterns name; mistakes go to `reading`."""
    own: dict[str, ProviderKind] = {}
    broken: set[str] = set()
    if patterns:
        # Most configurations have no adapter file, and need none of what reads them.
        from watcher.config.adapters.files import read_own_kinds  # noqa: PLC0415

        own, broken = read_own_kinds(file, patterns, reading, built_in)
    broken.update(name for name in broken_plugins() if name not in own)
    return Kinds(_Together(own, built_in), broken)


class _Together(Mapping[str, ProviderKind]):
    """Both, without loading those of the second that nobody asks for."""

    def __init__(self, own: Mapping[str, ProviderKind], rest: Mapping[str, ProviderKind]) -> None:
        self._own = own
        self._rest = rest

    def __getitem__(self, name: str) -> ProviderKind:
        return self._own[name] if name in self._own else self._rest[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._rest
        yield from (name for name in self._own if name not in self._rest)

    def __len__(self) -> int:
        return len({*self._own, *self._rest})
