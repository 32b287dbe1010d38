import tomllib
from collections.abc import Iterable, Iterator
from datetime import date
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.config.toml.positions import KeyPath, positions

_EVERYTHING = '''\
# a comment [not.a.table]
title = "a # b ] }"
[owner]  # owner
"quoted key" = 1
'literal.key' = 2
a.b . "c d" = 3
text = """
[inside]
x = 1 \\""" ""\"""
literal = \'\'\'
[[inside]]
\'\'\'\'
when = 1979-05-27 07:32:00
list = [ # comment ]
  "one", 'two',

  [1, 2],
  { x = 1, y = [true] },
]
inline = { a.b = 1, c = "}" }
[[row]]
id = 1
[row.more]
deep = 1
[[row]]
id = 2
[[row.sub]]
z = """x"""
[[row.sub]]
z = +1.5e3
[a.very.deep]
end = "last"
'''


def _paths(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    if path:
        yield path
    for key, item in _items(value):
        yield from _paths(item, (*path, key))


def _items(value: object) -> Iterable[tuple[str | int, object]]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).items()
    return enumerate(cast("list[object]", value)) if isinstance(value, list) else ()


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("owner",), 3),
        (("owner", "quoted key"), 4),
        (("owner", "literal.key"), 5),
        (("owner", "a", "b", "c d"), 6),
        (("owner", "text"), 7),
        (("owner", "literal"), 10),
        (("owner", "when"), 13),
        (("owner", "list", 1), 15),
        (("owner", "list", 2, 1), 17),
        (("owner", "list", 3, "y", 0), 18),
        (("owner", "inline", "c"), 20),
        (("row", 0, "id"), 22),
        (("row", 0, "more", "deep"), 24),
        (("row", 1), 25),
        (("row", 1, "sub", 1, "z"), 30),
        (("a", "very"), 31),
        (("a", "very", "deep", "end"), 32),
    ],
)
def test_each_key_is_found_on_its_line(path: KeyPath, line: int) -> None:
    assert positions(_EVERYTHING).line(path) == line


def test_a_text_with_everything_has_the_keys_that_tomllib_finds() -> None:
    assert set(positions(_EVERYTHING).lines) == set(_paths(tomllib.loads(_EVERYTHING)))


def test_an_absent_key_is_reported_at_the_closest_table() -> None:
    places = positions("a = 1\n[b.c]\nd = 2\n")
    assert places.line(("b", "c", "absent", 3)) == 2
    assert places.line(("absent",)) == 1


def test_windows_line_ends_do_not_shift_lines() -> None:
    assert positions('a = 1\r\nb = """x\r\ny"""\r\n[c]\r\nd = 2').line(("c", "d")) == 5


_keys = st.text(min_size=1, max_size=4)
_text = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
_values = st.recursive(
    st.one_of(st.integers(-99, 99), st.booleans(), _text, st.dates(date(1900, 1, 1)), st.floats(allow_nan=False)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=8,
)


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" if c in '"\\' or not c.isprintable() else c for c in text) + '"'


def _key(text: str) -> str:
    return text if text.isascii() and text.replace("-", "a").replace("_", "a").isalnum() else _quoted(text)


@st.composite
def _written(draw: st.DrawFn, value: object) -> str:
    blank = draw(st.sampled_from(["", " ", "\n", " # x ]}\"'\n"]))
    if isinstance(value, dict):
        pairs = [f"{_key(str(key))} = {draw(_written(item))}" for key, item in _items(cast("object", value))]
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        items = [f"{blank}{draw(_written(item))}{blank}," for _, item in _items(cast("object", value))]
        return "[" + "".join(items) + blank + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if draw(st.booleans()) and "'''" not in value and value.isprintable() and not value.endswith("'"):
            return f"'''\n{value}'''"
        return _quoted(value)
    return "inf" if value == float("inf") else "-inf" if value == float("-inf") else str(value)


@st.composite
def _documents(draw: st.DrawFn) -> str:
    lines: list[str] = []
    top = draw(st.dictionaries(_keys, _values, max_size=3))
    lines += [f"{_key(key)}\t= {draw(_written(value))}" for key, value in top.items()]
    names = draw(st.lists(_keys.filter(lambda key: key not in top), unique=True, max_size=3))
    for name in names:
        brackets = draw(st.sampled_from([("[", "]"), ("[[ ", "]]")]))
        for _ in range(1 if brackets[0] == "[" else draw(st.integers(1, 3))):
            lines.append(f"{brackets[0]}{_key(name)}{brackets[1]} # [x]")
            table = draw(st.dictionaries(_keys, _values, max_size=3))
            for key, value in table.items():
                dotted = draw(st.booleans())
                lines.append(f"{_key(key)}{' . x' if dotted else ''} = {draw(_written(value))}")
            lines += ["", f"  [{_key(name)}.'a.new'.table]", "k = 1"] if "a.new" not in table else []
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


@settings(deadline=None)
@given(_documents())
def test_the_scanner_finds_exactly_the_keys_that_tomllib_finds(text: str) -> None:
    assert set(positions(text).lines) == set(_paths(tomllib.loads(text)))
