"""What the conformance tests have to know about one provider."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from watcher.provider_api import ProviderKind


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the provider. `body` is sent as JSON, bytes and text as they are."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Case:
    """`found` and `changed` are two answers about the invoice `invoice_id`: something that a snapshot shows differs.

    `volatile` is `found` with changes that mean nothing; None if the provider has none. `tokens` are the answers that
    come before the first one that is asked for, such as that of a token call. `list_of_none` is a list without rows.
    """

    kind: ProviderKind
    invoice_id: str
    found: Reply
    changed: Reply
    missing: Reply
    refused_credentials: Reply
    list_of_none: Reply
    volatile: Reply | None = None
    tokens: tuple[Reply, ...] = ()
    renewed: tuple[Reply, ...] = ()
    """The answers to what follows `refused_credentials`, such as a new token and another refusal."""
    credentials: Mapping[str, str] = field(default_factory=dict[str, str])
    """Keys that have to be of a certain form; the others are made up."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """Plain keys; `{url}` in one stands for the address of the scripted server."""
