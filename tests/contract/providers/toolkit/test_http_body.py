import gzip
import zlib

import pytest
from aiohttp import web

from tests.fakes.provider_server import ProviderServer, UnlimitedRate
from watcher.core.errors import ProviderUnavailable
from watcher.providers.toolkit.http import ProviderHttp
from watcher.providers.toolkit.http_body import MAX_BODY_BYTES, AnswerTooLong

MEBIBYTE = 1024 * 1024


async def test_ten_megabytes_are_not_read(http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate) -> None:
    server.answer(b"x" * (10 * MEBIBYTE))
    with pytest.raises(AnswerTooLong, match="longer than"):
        await http.request(limiter, "GET", "/")


async def test_ten_megabytes_without_an_announced_length_are_not_read(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate
) -> None:
    async def chunked(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10):
            await response.write(b"x" * MEBIBYTE)
        return response

    server.answer_by(chunked)
    with pytest.raises(AnswerTooLong, match="longer than"):
        await http.request(limiter, "GET", "/")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_is_not_unpacked(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate, encoding: str
) -> None:
    bomb = b"0" * (100 * MEBIBYTE)
    server.answer(
        gzip.compress(bomb, 1) if encoding == "gzip" else zlib.compress(bomb, 1), headers={"Content-Encoding": encoding}
    )
    with pytest.raises(ProviderUnavailable, match="unpacked"):
        await http.request(limiter, "GET", "/")


async def test_an_answer_of_exactly_the_limit_is_read(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate
) -> None:
    server.answer(gzip.compress(b"1" * MAX_BODY_BYTES, 1), headers={"Content-Encoding": "gzip"})
    assert len((await http.request(limiter, "GET", "/")).body) == MAX_BODY_BYTES


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b'{"a": 1}', mtime=0)),
        ("x-gzip", gzip.compress(b'{"a": 1}', mtime=0)),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("deflate", zlib.compress(b'{"a": 1}')[2:-4]),
        ("identity", b'{"a": 1}'),
    ],
)
async def test_encodings_asked_for_are_decoded(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate, encoding: str, body: bytes
) -> None:
    server.answer(body, headers={"Content-Encoding": encoding})
    assert (await http.request(limiter, "GET", "/")).body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", b"{}"), ("gzip", gzip.compress(b"{}" * 99, mtime=0)[:-9]), ("br", b"{}"), ("deflate", b"\xff\xff\xff")],
)
async def test_a_bad_encoding_is_an_outage(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate, encoding: str, body: bytes
) -> None:
    server.answer(body, headers={"Content-Encoding": encoding})
    with pytest.raises(ProviderUnavailable, match="encod"):
        await http.request(limiter, "GET", "/")


async def test_a_body_shorter_than_announced_is_an_outage(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate
) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"total": 1')
        assert request.transport is not None
        request.transport.close()
        return response

    server.answer_by(broken)
    with pytest.raises(ProviderUnavailable, match="broke off"):
        await http.request(limiter, "GET", "/")
