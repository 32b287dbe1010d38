"""The vendors' own SDKs, pointed at a server on loopback."""

from typing import Any, cast

import chargebee
import httpx
import stripe
from lago_python_client.client import Client as LagoClient
from square import Square


def stripe_invoices(url: str, key: str) -> Any:  # noqa: ANN401 -- the SDK's own
    return stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=0).v1.invoices


def chargebee_invoices(url: str, key: str) -> Any:  # noqa: ANN401 -- same
    """`url` ends in `/api/v2`. It speaks plain http only while `Chargebee.verify_ca_certs` is false."""
    client = chargebee.Chargebee(api_key=key, site="localhost")
    environment = cast("Any", client.env)
    environment.api_endpoint, environment.protocol = url, "http"
    return cast("Any", client).Invoice


def lago_invoices(url: str, key: str) -> Any:  # noqa: ANN401 -- same
    return cast("Any", LagoClient)(api_key=key, api_url=url, max_retries=0, retry_on_rate_limit=False).invoices


def square_invoices(url: str, key: str, client: httpx.Client) -> Any:  # noqa: ANN401 -- same
    return cast("Any", Square(token=key, base_url=url, version="2026-09-16", httpx_client=client)).invoices
