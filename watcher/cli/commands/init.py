"""`init`: a configuration to start with, every key explained."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

import watcher
from watcher.cli.open_store import unknown
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import print_answer, print_document
from watcher.config.adapters.built_in import BUILT_IN
from watcher.core.errors import Refused
from watcher.providers.toolkit.kind import ProviderKind

app = top_level()

_CONFIG = "watcher.toml"
_ENDPOINTS = "# An endpoint is one subscriber"
_SUFFIXES = (".toml", ".csv")


@command(app, "init", "init")
def init(
    invocation: Invocation,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where watcher.toml and watchlists/ go; made where it is missing.")
    ] = Path("config"),
    *,
    provider: Annotated[
        str | None, typer.Option("--provider", help="Fill in a source of this provider, one of `provider list`.")
    ] = None,
) -> None:
    """Write a configuration to start with: every key with its default and what it does. Never overwrites anything."""
    examples = dict(_examples(_shipped()))
    if provider is not None:
        if provider not in BUILT_IN:
            raise unknown("provider", provider, BUILT_IN, "comes with the program")
        examples[_CONFIG] = _with_source(examples[_CONFIG], BUILT_IN[provider])
    there = [folder / name for name in examples if (folder / name).exists()]
    if there:
        raise Refused(f"{there[0]} exists already, and init overwrites nothing: give another directory")
    for name, text in examples.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    if invocation.as_json:
        print_document({"written": [str(folder / name) for name in examples]})
        return
    for name in examples:
        print_answer(f"wrote {folder / name}")
    print_answer(
        f"\nNext:\n  1. name your accounts and endpoints in {folder / 'watcher.toml'}\n"
        "  2. put their secrets where it says, such as files only you can read: "
        f"install -d -m 700 {folder / 'secrets'}\n"
        f"  3. list your invoices in {folder / 'watchlists'}\n"
        f"  4. invoice-watcher check --online{_option(folder)}\n  5. invoice-watcher run{_option(folder)}"
    )


def _with_source(text: str, kind: ProviderKind) -> str:
    """The configuration with a source of this provider; what only its user knows is named, and switched off."""
    lines = [f"[sources.{kind.name}]", f'provider = "{kind.name}"']
    lines += [f'{key} = {{ env = "{f"{kind.name}_{key}".upper()}" }}' for key in kind.credentials]
    if kind.base_url is None:
        lines.append('#base_url = "https://…"  # must be set: every account has its own')
    lines += [f'#{key} = "{default}"' for key, default in {**kind.options, **kind.texts}.items()]
    before, marker, after = text.partition(_ENDPOINTS)
    return "\n".join((before + lines[0], *lines[1:], "", marker + after))


def _option(folder: Path) -> str:
    return "" if folder == Path("config") else f" --config {folder / 'watcher.toml'}"


def _shipped() -> Traversable:
    """The examples: inside an installed package, or beside it in a checkout."""
    packaged = files(watcher) / "starter"
    return packaged if packaged.is_dir() else Path(watcher.__file__).parent.parent / "config"


def _examples(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _examples(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIXES):
            yield prefix + entry.name, entry.read_text(encoding="utf-8")
