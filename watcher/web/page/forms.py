"""Reads forms of the page: fields of text, and uploaded files, bounded in size."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from watcher.web.problems import Problem


@dataclass(frozen=True, slots=True)
class Form:
    """Line ends are one character in `texts` and `files`, whatever a browser or a file has."""

    texts: Mapping[str, str]
    files: Mapping[str, str]

    def text(self, name: str) -> str:
        """A field, or nothing."""
        return self.texts.get(name, "")

    def file(self, name: str) -> str:
        return self.files.get(name, "")


async def read_form(request: web.Request, most_bytes: int) -> Form:
    """Raises Problem if it is too large, or no form."""
    texts, files = dict[str, str](), dict[str, str]()
    try:
        fields = await request.clone(client_max_size=most_bytes).post()
    except web.HTTPRequestEntityTooLarge as error:
        words = f"what was sent has more than {most_bytes // 1024:,} KiB: nothing was done"
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words) from error
    except (ValueError, LookupError) as error:  # broken multipart, an unknown encoding
        raise Problem(HTTPStatus.BAD_REQUEST, "what was sent cannot be read as a form") from error
    for name, value in fields.items():
        if isinstance(value, str):
            texts[name] = _with_newlines(value)
        elif isinstance(value, web.FileField):
            with value.file as uploaded:
                files[name] = _with_newlines(_decoded(uploaded.read()))
    return Form(texts, files)


def _decoded(content: bytes) -> str:
    """Raises Problem."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        words = "the file is not UTF-8 text: in a spreadsheet program, save it as CSV UTF-8"
        raise Problem(HTTPStatus.BAD_REQUEST, words) from error


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
