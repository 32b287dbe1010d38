"""The table of `docs/shipped-providers.md`, made of the adapter files."""

from watcher.config.adapters.built_in import shipped_adapter
from watcher.config.adapters.field_sources import FieldSource, field_sources

NAMES = ("stripe", "lago", "chargebee", "square", "killbill")


def field_table() -> str:
    columns = [field_sources(shipped_adapter(name), _code) for name in NAMES]
    lines = [f"| | {' | '.join(NAMES)} |", "|---" * (len(NAMES) + 1) + "|"]
    rows = zip(*columns, strict=True)
    lines += [f"| {row[0].field} | {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`` {escaped} ``" if "`" in text else f"`{escaped}`"


def _cell(source: FieldSource) -> str:
    return source.origin or f"— {source.absent}"
