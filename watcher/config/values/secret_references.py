"""References to secrets, which are never in the config file: `{ env = … }`, `{ file = … }` or `{ credential = … }`."""

from pathlib import Path
from typing import cast

from watcher.config.toml.messages import meant, one_of, shown
from watcher.config.toml.reading import Reading, Unreadable

KINDS = ("env", "file", "credential")
HOW = '{ env = "NAME" }, { file = "path" } or { credential = "name" }'
_CREDENTIALS = "CREDENTIALS_DIRECTORY"


def resolve(reference: object, reading: Reading) -> str:
    """The secret of a reference. Raises ValueError with messages that never show a secret."""
    if not isinstance(reference, dict):
        raise ValueError(f"must not be here in plain text, allowed: {HOW}")  # noqa: TRY004 - pydantic reports ValueErrors
    table = cast("dict[str, object]", reference)
    if len(table) != 1:
        raise ValueError(f"names {len(table)} places, must name exactly one of {one_of(KINDS)}: {HOW}")
    kind, name = next(iter(table.items()))
    if kind not in KINDS:
        raise ValueError(f"has the unknown key {shown(kind)}{meant(kind, KINDS)}, allowed: {HOW}")
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"{kind} must be a name in quotes, allowed: {HOW}")
    if kind == "env":
        return _checked(_from_environment(name, reading), f"the environment variable {name}")
    if kind == "file":
        return _checked(_from_file(reading.base / name, reading), f"the file {name}")
    return _checked(_from_credential(name, reading), f"the credential {name}")


def _checked(secret: str, place: str) -> str:
    if not secret.strip():
        raise ValueError(f"{place} is empty, must hold a secret")
    if not secret.isprintable():
        raise ValueError(f"{place} holds more than one line or control characters, must be one line of text")
    return secret


def _from_environment(name: str, reading: Reading) -> str:
    if name not in reading.environment:
        raise ValueError(f"the environment variable {name} is not set, must hold a secret")
    return reading.environment[name]


def _from_file(path: Path, reading: Reading) -> str:
    try:
        return reading.text(path).rstrip("\r\n")
    except Unreadable as error:
        raise ValueError(f"the file {path} {error}") from error


def _from_credential(name: str, reading: Reading) -> str:
    if name in reading.credentials:
        return reading.credentials[name]
    if "/" in name or name in {".", ".."}:
        raise ValueError("credential must be the bare name of a systemd credential")
    directory = reading.environment.get(_CREDENTIALS)
    if not directory:
        raise ValueError(
            f"the credential {name} is not there: ${_CREDENTIALS} is not set, systemd sets it for a service"
        )
    try:
        # Not through `reading.text`: credentials are not watched for changes.
        secret = Path(directory, name).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the credential {name} cannot be read, must be a file in ${_CREDENTIALS}") from error
    reading.credentials[name] = secret
    return secret
