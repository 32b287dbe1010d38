"""Reads one adapter file: TOML in, a checked `AdapterSpec` out, or every mistake with its line and key."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar, cast

from watcher.config.adapters.expressions import Expressions
from watcher.config.adapters.map_tables import read_map
from watcher.config.adapters.models import (
    AnswerTable,
    AuthTable,
    BatchTable,
    ExampleTable,
    HttpTable,
    InvoiceTable,
    ProbeTable,
    RefusalTable,
)
from watcher.config.adapters.request_tables import read_auth, read_hints, read_list
from watcher.config.settings import Settings
from watcher.config.toml.messages import shown
from watcher.config.toml.positions import KeyPath
from watcher.config.toml.reading import Problem, Reading, Table, TomlFile
from watcher.config.toml.tables import subtable, unknown_keys, validated
from watcher.config.values.types import check_name
from watcher.providers.adapter_file.paths import path_tree
from watcher.providers.adapter_file.requests import TOKEN_URL
from watcher.providers.adapter_file.spec import (
    AdapterSpec,
    AnswerRule,
    Answers,
    Auth,
    AuthType,
    BatchSpec,
    FromCredential,
    FromOption,
    InvoiceSpec,
    Request,
)

TABLES = (
    "name",
    "about",
    "http",
    "auth",
    "answers",
    "refusal",
    "invoice",
    "probe",
    "batch",
    "list",
    "hints",
    "map",
    "example",
)
LARGEST_FILE = 256 * 1024
_MOST_TABLES = 100
"""Of answers, and of examples."""
_RESERVED = frozenset({"provider", "base_url", "timezone", "rate", "timeout", "enabled", "discover", "hints"})

_Model = TypeVar("_Model", bound=Settings)


@dataclass(frozen=True, slots=True)
class Adapter:
    """A good adapter file and its examples, in the order of the file."""

    file: TomlFile
    spec: AdapterSpec
    examples: tuple[ExampleTable, ...]


def read_adapter(path: Path, reading: Reading) -> Adapter | str:
    """The adapter; if anything in the file is wrong, the name that it gives, and problems in `reading`."""
    before = len(reading.problems)
    reading.note(path)
    facts = reading.stamps[path]
    if facts is not None and facts[0] > LARGEST_FILE:
        reading.problems.append(Problem(path, 1, "", f"is larger than {LARGEST_FILE // 1024} KiB, as no adapter is"))
        return ""
    file = reading.toml(path)
    if file is None:
        return ""
    adapter = _Reader(file, reading).adapter()
    name = str(file.table.get("name", ""))
    return name if adapter is None or len(reading.problems) > before else adapter


class _Reader:
    def __init__(self, file: TomlFile, reading: Reading) -> None:
        self._file = file
        self._reading = reading
        self._expressions = Expressions(file, reading)

    def adapter(self) -> Adapter | None:
        self._reading.problems.extend(unknown_keys(self._file.table, TABLES, file=self._file, path=()))
        self._check_names()
        http = self._table(HttpTable, "http")
        auth_table = self._table(AuthTable, "auth", needed=True)
        auth = None if auth_table is None else read_auth(auth_table, self._expressions)
        answers = self._answers()
        invoice = self._table(InvoiceTable, "invoice", needed=True)
        probe = self._table(ProbeTable, "probe", needed=True)
        batch = self._table(BatchTable, "batch") if "batch" in self._file.table else None
        listing = read_list(self._file, self._reading, self._expressions)
        hints = read_hints(self._file, self._reading, self._expressions)
        mapped = read_map(self._file, self._reading, self._expressions)
        examples = self._examples()
        if http is None or auth is None or invoice is None or probe is None or mapped is None:
            return None
        spec = AdapterSpec(
            name=str(self._file.table.get("name", "")),
            digest=self._digest(),
            base_url=http.base_url,
            rate=http.rate,
            timezone=str(http.timezone),
            credentials=_credentials(auth, http),
            options=dict(http.options),
            urls=_urls(auth_table, auth),
            headers=tuple(cast("dict[str, str | FromCredential | FromOption]", http.headers).items()),
            auth=auth,
            answers=Answers(answers.rules, answers.code, answers.message, http.back_off),
            invoice=_invoice(invoice),
            probe=Request(probe.path, probe.query),
            map=mapped,
            list=listing,
            batch=None if batch is None else _batch(batch),
            hints=hints,
        )
        self._check_keys(spec)
        return Adapter(self._file, spec, examples)

    def _digest(self) -> bytes:
        """Of the parsed text: comments may change, and what runs goes on."""
        return blake2b(repr(self._file.table).encode(errors="replace"), digest_size=16).digest()

    def _check_names(self) -> None:
        table = self._file.table
        if "name" not in table:
            self._problem(("name",), 'is missing, must be what sources say as provider, such as "acme"')
        elif not isinstance(table["name"], str) or check_name(table["name"]) is not None:
            self._problem(("name",), f"{shown(table['name'])} {check_name(str(table['name'])) or 'is not text'}")
        if not isinstance(table.get("about", ""), str):
            self._problem(("about",), f"{shown(table['about'])} is not allowed, must be text in quotes")

    def _table(self, model: type[_Model], name: str, *, needed: bool = False) -> _Model | None:
        if needed and name not in self._file.table:
            self._problem((name,), f"is missing, must be a table [{name}]")
            return None
        table = subtable(self._file, self._reading, (name,))
        return validated(model, table, file=self._file, path=(name,), reading=self._reading)

    def _rows(self, name: str) -> Sequence[Table]:
        rows = self._file.table.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in cast("list[object]", rows)):
            self._problem((name,), f"{shown(cast('object', rows))} is not allowed, must be [[{name}]] tables")
            return ()
        tables = cast("list[Table]", rows)
        if len(tables) > _MOST_TABLES:
            self._problem((name,), f"has {len(tables)} tables, at most {_MOST_TABLES}")
        return tables[:_MOST_TABLES]

    def _answers(self) -> Answers:
        rules: list[AnswerRule] = []
        for number, row in enumerate(self._rows("answers")):
            path = ("answers", number)
            rule = validated(AnswerTable, row, file=self._file, path=path, reading=self._reading)
            where = self._expressions.condition(row["where"], (*path, "where")) if "where" in row else None
            if rule is not None:
                rules.append(AnswerRule(frozenset(rule.status), rule.means, where))
        refusal = self._table(RefusalTable, "refusal") or RefusalTable()
        return Answers(tuple(rules), refusal.code, refusal.message)

    def _examples(self) -> tuple[ExampleTable, ...]:
        examples: list[ExampleTable] = []
        for number, row in enumerate(self._rows("example")):
            path = ("example", number)
            example = validated(ExampleTable, row, file=self._file, path=path, reading=self._reading)
            if example is None:
                continue
            if sum(one is not None for one in (example.expect, example.means, example.ids)) != 1:
                self._problem(path, "has none or several of expect, means and ids, must have one of them")
            if example.ids is not None and "hints" not in self._file.table:
                self._problem((*path, "ids"), "is for webhooks, and the file has no table [hints]")
            examples.append(example)
        return tuple(examples)

    def _check_keys(self, spec: AdapterSpec) -> None:
        """Keys of a source must be distinct, and options that are used must be defined."""
        keys = [*spec.credentials, *spec.options]
        for key in keys:
            if key in _RESERVED or key == TOKEN_URL or keys.count(key) > 1:
                self._problem(("http", "options", key), f"{shown(key)} is a key of every source, or taken twice")
        queries = [spec.invoice.request.query, spec.probe.query, spec.list.request.query if spec.list else ()]
        queries += [spec.batch.request.query] if spec.batch else []
        used = [value for query in queries for _, value in query] + [value for _, value in spec.headers]
        for value in used:
            if isinstance(value, FromOption) and value.name not in spec.options:
                self._problem(("http", "options"), f"has no {shown(value.name)}, which a request uses")

    def _problem(self, path: KeyPath, words: str) -> None:
        self._expressions.problem(path, words)


def _credentials(auth: Auth, http: HttpTable) -> tuple[str, ...]:
    own = (auth.token, auth.user, auth.password, auth.client_id, auth.client_secret)
    names = [name for name in own if name and auth.type is not AuthType.NONE]
    names += [value.name for value in http.headers.values() if isinstance(value, FromCredential)]
    return tuple(dict.fromkeys(names))


def _urls(table: AuthTable | None, auth: Auth) -> dict[str, str]:
    """The token URL as a key of the source, unless it is a path below the base URL."""
    return {} if table is None or table.token_url is None or auth.token_url else {TOKEN_URL: table.token_url}


def _invoice(table: InvoiceTable) -> InvoiceSpec:
    return InvoiceSpec(
        request=Request(table.path, table.query),
        document=table.document,
        id=table.id,
        volatile=path_tree(table.volatile),
        unordered=path_tree(table.unordered),
        kept=path_tree(table.kept),
        differs=table.differs,
    )


def _batch(table: BatchTable) -> BatchSpec:
    return BatchSpec(Request(table.path, table.query), table.size, table.parameter, table.format, table.rows, table.row)
