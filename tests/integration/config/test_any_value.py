"""Whatever stands in the config file, reading it ends in settings or in mistakes with their lines."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.config.folder import WHSEC, Folder
from tests.integration.config.test_example import EXAMPLE
from watcher.core.errors import ConfigError

_SETTING = re.compile(r"^[a-z_]+ = ")
_LINES = [re.sub(r"^#(?=[\[a-z])", "", line) for line in (EXAMPLE / "watcher.toml").read_text().splitlines()]
_PLACES = [number for number, line in enumerate(_LINES) if _SETTING.match(line)]
_ENVIRONMENT = {"METEROID_API_KEY": "k", "LEDGER_WEBHOOK_SECRET": WHSEC, "INVOICE_WATCHER_TOKEN": "t"}
_SHOWN = re.compile(r".+\.toml:[0-9]+: [a-z].*\S", re.DOTALL)

_atoms = st.one_of(
    st.sampled_from(
        ["1.5", "true", "nan", "-inf", "2026-12-01", "10:00:00", "2026-12-01T00:00:00Z", "1979-05-27 07:32:00"]
    ),
    st.sampled_from(
        ['"1s"', '"5/s"', '"* * * * *"', '"https://[::1%25x]:1/"', '"//x"', '"\\u0000"', '"../.."', '"sqlite:///"']
    ),
    st.sampled_from(['{ env = "METEROID_API_KEY" }', '{ file = "x\\u0000" }', '{ credential = "." }']),
    st.integers().map(str),
    st.text(alphabet="ab1:/.*-[]@#?%\u00e9 ", max_size=12).map(lambda text: f"'{text}'"),
)
_values = st.recursive(
    _atoms,
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]")
        | inner.map(lambda item: f"{{ x = {item} }}")
    ),
    max_leaves=3,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(_PLACES), _values, min_size=1, max_size=4))
def test_any_value_anywhere_gives_settings_or_mistakes(
    tmp_path_factory: pytest.TempPathFactory, changed: dict[int, str]
) -> None:
    folder = Folder(tmp_path_factory.getbasetemp(), dict(_ENVIRONMENT))
    lines = list(_LINES)
    for number, value in changed.items():
        lines[number] = f"{lines[number].partition(' = ')[0]} = {value}"
    folder.write("\n".join(lines))
    problems = _problems(folder)
    assert [problem for problem in problems if not _SHOWN.fullmatch(problem)] == []
    # Words of pydantic would mean that a kind of mistake has none of ours.
    assert not any(word in problem for problem in problems for word in ("Input should", "validation", WHSEC))


def _problems(folder: Folder) -> tuple[str, ...]:
    try:
        folder.load()
    except ConfigError as error:
        return error.problems
    return ()
