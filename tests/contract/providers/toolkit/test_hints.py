import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.errors import HintUnreadable
from watcher.ports import HintRequest, HintScheme
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.hints import OperatorHints, hint_schemes

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SECRETS = {"meteroid": ["whsec_" + "A" * 32], "chargeover": ["key"]}
KEYS = {"access_key": "rak_1", "secret_key": "rsk_1"}
OPERATOR = OperatorHints(["token"])
SCHEMES: list[HintScheme] = [
    *(
        hint_schemes(kind, secrets=SECRETS.get(name, []), tokens=["token"], credentials=KEYS)[0]
        for name, kind in PROVIDERS.items()
    ),
    OPERATOR,
]
each_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=[*PROVIDERS, "operator"])

FIELDS = st.sampled_from(
    [
        "id",
        "type",
        "data",
        "invoice",
        "invoice_id",
        "invoice_ids",
        "context_str",
        "context_id",
        "applied_to",
        "transaction",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=5)
    | st.sampled_from(["inv_1", "invoice_1", "invoice", "transaction", ".", "..", "\ud800", "x" * 300])
)
HINTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=5), max_leaves=20
)


def accepts(scheme: HintScheme, headers: dict[str, str]) -> bool:
    return scheme.verify(HintRequest("https://hooks.example.com/hints/acme", headers, b"{}", NOW))


@pytest.mark.parametrize("scheme", SCHEMES, ids=[*PROVIDERS, "operator"])
@given(body=st.binary() | HINTS.map(lambda hint: json.dumps(hint).encode()))
def test_a_body_is_read_or_refused_and_nothing_else(scheme: HintScheme, body: bytes) -> None:
    try:
        ids = scheme.invoice_ids(body)
    except HintUnreadable:
        return
    assert len(ids) <= 100
    assert len(set(ids)) == len(ids)
    assert all(0 < len(one.encode()) <= 4 * 255 and one not in {".", ".."} for one in ids)


@each_scheme
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"inv_1"',
        b"7",
        b"{",
        b'{"invoice_id": "inv_1"',
        b'{"invoice_id": "inv_1"} {}',
        b'{"invoice_id": "inv_1", "invoice_id": "inv_2"}',
        b'{"invoice_id": "\xff"}',
        '{"invoice_id": "inv_1"}'.encode("utf-16"),
        b'{"invoice_id": NaN}',
        b'{"total": 1e99999999999999999999}',
        b'{"invoice_id": ' + b"1" * 100_000 + b"}",
        b'{"data": ' + b"[" * 500_000,
        b'{"data": ' + b'{"data": ' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_is_not_one_json_object_is_refused(scheme: HintScheme, body: bytes) -> None:
    with pytest.raises(HintUnreadable) as caught:
        scheme.invoice_ids(body)
    assert "inv_" not in str(caught.value)


@each_scheme
@pytest.mark.parametrize("field", ["data", "invoice_id", "context_str", "id"])
def test_what_is_deep_and_can_be_read_names_nothing(scheme: HintScheme, field: str) -> None:
    body = b'{"%s": %s%s}' % (field.encode(), b"[" * 900, b"]" * 900)
    if isinstance(scheme, OperatorHints):
        with pytest.raises(HintUnreadable):
            scheme.invoice_ids(body)
    else:
        assert scheme.invoice_ids(body) == ()


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ({"invoice_id": "INV/2026 #7"}, ("INV/2026 #7",)),
        ({"invoice_id": 1003}, ("1003",)),
        ({"invoice_ids": ["a", 2, "a"]}, ("a", "2")),
        ({"invoice_ids": ["a"], "invoice_id": "b"}, ("a", "b")),
        ({"invoice_ids": []}, ()),
        (
            {"invoice_ids": [str(number) for number in range(100)], "why": {"anything": None}},
            tuple(map(str, range(100))),
        ),
    ],
)
def test_an_operator_s_system_names_one_invoice_or_several(hint: object, expected: tuple[str, ...]) -> None:
    assert OPERATOR.invoice_ids(json.dumps(hint).encode()) == expected


@pytest.mark.parametrize(
    "hint",
    [
        {},
        {"id": "inv_1"},
        {"invoice_id": None},
        {"invoice_id": True},
        {"invoice_id": 1.0},
        {"invoice_id": ["inv_1"]},
        {"invoice_ids": "inv_1"},
        {"invoice_ids": None},
        {"invoice_ids": {"inv_1": True}},
        {"invoice_ids": ["inv_1", None]},
        {"invoice_ids": ["inv_1", ".."]},
        {"invoice_id": ""},
        {"invoice_id": "."},
        {"invoice_id": "a\nb"},
        {"invoice_id": "\ud800"},
        {"invoice_id": "x" * 256},
        {"invoice_ids": [str(number) for number in range(101)]},
        {"invoice_ids": ["same"] * 100, "invoice_id": "same"},
        {"invoice_ids": list(range(100_000))},
    ],
)
def test_an_operator_s_system_that_sends_anything_else_is_told(hint: object) -> None:
    with pytest.raises(HintUnreadable):
        OPERATOR.invoice_ids(json.dumps(hint).encode())


@pytest.mark.parametrize("name", ["fragment", "dollr"])
def test_where_a_provider_has_no_webhooks_a_secret_is_a_token(name: str) -> None:
    (scheme,) = hint_schemes(PROVIDERS[name], secrets=["one"], tokens=["two"], credentials={})
    assert [accepts(scheme, {"authorization": f"Bearer {token}"}) for token in ("one", "two", "three")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_token_works_for_every_source_beside_its_provider_s_own_scheme(name: str) -> None:
    kind = PROVIDERS[name]
    schemes = hint_schemes(kind, secrets=SECRETS.get(name, []), tokens=["token"], credentials=KEYS)
    assert len(schemes) == (1 if kind.hint_scheme is None else 2)
    assert [accepts(scheme, {"authorization": "Bearer token"}) for scheme in schemes][-1]
    assert not any(accepts(scheme, {"authorization": "Bearer other"}) for scheme in schemes)


def test_a_token_alone_is_enough_where_a_secret_is_missing() -> None:
    for name, schemes in {"meteroid": 1, "chargeover": 1, "rapyd": 2}.items():
        assert len(hint_schemes(PROVIDERS[name], secrets=[], tokens=["token"], credentials=KEYS)) == schemes


def test_hints_without_any_secret_are_refused_where_one_is_needed() -> None:
    for name, kind in PROVIDERS.items():
        if name == "rapyd":
            assert len(hint_schemes(kind, secrets=[], tokens=[], credentials=KEYS)) == 1
            continue
        with pytest.raises(ValueError, match="a secret or a token"):
            hint_schemes(kind, secrets=[], tokens=[], credentials=KEYS)


@pytest.mark.parametrize(
    ("name", "secrets", "words"),
    [
        ("meteroid", ["key"], "starts with whsec_"),
        ("rapyd", ["key"], "remove the secret"),
        ("chargeover", ["key", ""], "empty"),
        ("dollr", [""], "empty"),
    ],
)
def test_secrets_that_cannot_work_are_refused_in_words(name: str, secrets: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        hint_schemes(PROVIDERS[name], secrets=secrets, tokens=[], credentials=KEYS)


def test_a_provider_that_is_added_has_no_webhooks_unless_it_says_so() -> None:
    kind = replace(PROVIDERS["meteroid"], hint_scheme=None)
    (scheme,) = hint_schemes(kind, secrets=["one"], tokens=[], credentials={})
    assert isinstance(scheme, OperatorHints)
