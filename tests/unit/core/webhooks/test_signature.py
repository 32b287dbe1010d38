import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.data.make_signatures import VECTORS, vectors
from watcher.core.webhooks.signature import Signer, decode_secret, new_secret, sign, verify

KEYS = st.binary(min_size=24, max_size=64)
IDS = st.from_regex(r"evt_[a-z0-9._-]{1,40}", fullmatch=True)
INSTANTS = st.integers(min_value=0, max_value=4102444800)
BODIES = st.text(st.characters(exclude_categories=["Cs"])).map(str.encode)


@dataclass(frozen=True)
class Vector:
    name: str
    secrets: tuple[str, ...]
    id: str
    timestamp: int
    body: str
    header: str

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(decode_secret(secret) for secret in self.secrets)

    @property
    def headers(self) -> dict[str, str]:
        return {"webhook-id": self.id, "webhook-timestamp": str(self.timestamp), "webhook-signature": self.header}


def _read(row: Mapping[str, object]) -> Vector:
    return Vector(**{**row, "secrets": tuple(row["secrets"])})  # pyright: ignore[reportArgumentType] our own file


COMMITTED = [_read(row) for row in json.loads(VECTORS.read_text(encoding="utf-8"))]
each_vector = pytest.mark.parametrize("vector", COMMITTED, ids=lambda vector: vector.name)


class AnyAge(Webhook):
    """The public verifier without its five minutes of tolerance: committed vectors grow old."""

    def _Webhook__verify_timestamp(self, timestamp_header: str) -> datetime:  # noqa: N802 the name the verifier calls
        return datetime.fromtimestamp(int(timestamp_header), UTC)


class SvixAnyAge(svix.webhooks.Webhook):
    def __init__(self, whsecret: str) -> None:
        super().__init__(whsecret)
        self._inner = AnyAge(whsecret)


def test_the_committed_vectors_are_what_the_standard_says() -> None:
    assert json.loads(VECTORS.read_text(encoding="utf-8")) == vectors()
    assert len(COMMITTED) >= 9


@each_vector
def test_we_sign_as_the_vectors_say(vector: Vector) -> None:
    assert sign(vector.keys, vector.id, vector.timestamp, vector.body.encode()) == vector.header
    assert verify(vector.keys[-1:], vector.id, vector.timestamp, vector.body.encode(), vector.header)


@each_vector
def test_every_vector_verifies_with_standardwebhooks_and_svix_under_each_secret(vector: Vector) -> None:
    header = sign(vector.keys, vector.id, vector.timestamp, vector.body.encode())
    headers = {**vector.headers, "webhook-signature": header}
    for secret in vector.secrets:
        AnyAge(secret).verify(vector.body.encode(), headers, json_parse=False)
        SvixAnyAge(secret).verify(vector.body.encode(), headers)


@given(secret=KEYS, event_id=IDS, body=BODIES)
def test_what_is_signed_now_verifies_in_the_unchanged_public_libraries(
    secret: bytes, event_id: str, body: bytes
) -> None:
    now = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(now),
        "webhook-signature": sign((secret,), event_id, now, body),
    }
    Webhook(new_secret(secret)).verify(body, headers, json_parse=False)
    svix.webhooks.Webhook(new_secret(secret)).verify(body, headers)


@given(secret=KEYS, other=KEYS, event_id=IDS, timestamp=INSTANTS, body=BODIES)
def test_another_secret_body_or_instant_does_not_verify(
    secret: bytes, other: bytes, event_id: str, timestamp: int, body: bytes
) -> None:
    header = sign((secret,), event_id, timestamp, body)
    assert verify((other, secret), event_id, timestamp, body, header)
    assert verify((other,), event_id, timestamp, body, header) == (other == secret)
    assert not verify((secret,), event_id, timestamp + 1, body, header)
    assert not verify((secret,), event_id, timestamp, body + b" ", header)
    assert not verify((secret,), event_id, timestamp, body, header.replace("v1,", "v1a,"))


def test_a_foreign_library_refuses_a_changed_body() -> None:
    vector = COMMITTED[0]
    with pytest.raises(WebhookVerificationError):
        AnyAge(vector.secrets[0]).verify(b"{}", vector.headers)


@given(KEYS)
def test_a_secret_survives_being_written_and_read_with_or_without_padding(key: bytes) -> None:
    assert decode_secret(new_secret(key)) == key
    assert decode_secret(new_secret(key).rstrip("=")) == key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "starts with whsec_"),
        ("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "starts with whsec_"),
        ("whsec_", "24 to 64 bytes, this one 0"),
        ("whsec_c2VjcmV0", "24 to 64 bytes, this one 6"),
        ("whsec_" + "QUFB" * 22, "24 to 64 bytes, this one 66"),
        ("whsec_not*base64", "not base64"),
        ("whsec_AAAAA", "not base64"),
        ("whsec_ключключключключключ", "not base64"),
    ],
)
def test_a_bad_secret_is_refused_in_words_without_repeating_it(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        decode_secret(text)
    assert text.removeprefix("whsec_") == "" or text.removeprefix("whsec_") not in str(refusal.value)


def test_a_new_secret_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes, this one 23"):
        new_secret(bytes(23))


@given(st.lists(KEYS, min_size=1, max_size=3), st.lists(BODIES, min_size=2, max_size=4), IDS, INSTANTS)
def test_a_signer_signs_each_body_as_if_it_were_its_first(
    keys: list[bytes], bodies: list[bytes], event_id: str, timestamp: int
) -> None:
    signer = Signer(keys)
    assert [signer.sign(event_id, timestamp, body) for body in bodies] == [
        sign(keys, event_id, timestamp, body) for body in bodies
    ]
