"""Writes signatures.json anew, with nothing of ours: hashlib's HMAC spelled out as the standard words it.

Run as `python -m tests.data.make_signatures`; the file is committed, so that its diff shows any change.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path

VECTORS = Path(__file__).with_name("signatures.json")

_OLDEST, _NEWEST, _LONGEST = (bytes([seed + i for i in range(size)]) for seed, size in ((0, 24), (100, 32), (7, 64)))

_CASES: tuple[tuple[str, tuple[bytes, ...], str, int, str], ...] = (
    ("one secret of 24 bytes", (_OLDEST,), "evt_1", 1795341600, '{"type":"invoice.paid"}'),
    ("one secret of 32 bytes", (_NEWEST,), "evt_2", 1795341601, '{"type":"invoice.overdue","data":{}}'),
    ("one secret of 64 bytes", (_LONGEST,), "evt_3", 1795341602, '{"a":1}'),
    ("two secrets, newest first", (_NEWEST, _OLDEST), "evt_4", 1795341603, '{"type":"webhook.test"}'),
    ("three secrets, newest first", (_LONGEST, _NEWEST, _OLDEST), "evt_5", 1795341604, '{"b":[1,2,3]}'),
    ("a body beyond ASCII", (_NEWEST,), "evt_6", 1795341605, '{"name":"Zoë Müller 株式会社 🧾","note":"1 €"}'),
    ("a body of 20 kB", (_NEWEST, _OLDEST), "evt_7", 1795341606, json.dumps({"pad": "x" * 20_000})),
    ("dots in the id and line breaks in the body", (_OLDEST,), "evt_8.a.b", 1795341607, '{\n  "c": "d.e"\r\n}'),
    ("an empty body", (_OLDEST,), "evt_9", 1795341608, ""),
)


def vectors() -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "secrets": ["whsec_" + base64.b64encode(secret).decode() for secret in secrets],
            "id": event_id,
            "timestamp": timestamp,
            "body": body,
            "header": " ".join(_signature(secret, event_id, timestamp, body) for secret in secrets),
        }
        for name, secrets, event_id, timestamp, body in _CASES
    ]


def _signature(secret: bytes, event_id: str, timestamp: int, body: str) -> str:
    mac = hmac.new(secret, f"{event_id}.{timestamp}.{body}".encode(), hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
