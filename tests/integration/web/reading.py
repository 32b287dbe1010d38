"""Reading a page as a person does: what it says, where its links lead, what its forms would send."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})


@dataclass
class Form:
    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict[str, str])
    words: str = ""


@dataclass
class Page:
    """`words` is all text, `tables` the cells of each table's rows, `attributes` every attribute there is."""

    title: str = ""
    words: str = ""
    links: dict[str, str] = field(default_factory=dict[str, str])
    forms: list[Form] = field(default_factory=list[Form])
    tables: list[list[list[str]]] = field(default_factory=list[list[list[str]]])
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])

    def form(self, action: str) -> Form:
        (found,) = [one for one in self.forms if one.action == action]
        return found

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for element, attributes in self.elements if element == name]


def read(text: str, path: str = "/") -> Page:
    reader = _Reader(path)
    reader.feed(text)
    reader.close()
    reader.page.words = " ".join(reader.page.words.split())
    return reader.page


class _Reader(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.page = Page()
        self._path = path
        self._open: list[str] = []
        self._link: str | None = None
        self._link_words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.page.elements.append((tag, given))
        if tag not in _VOID:
            self._open.append(tag)
        match tag:
            case "a":
                self._link, self._link_words = urljoin(self._path, given["href"]), ""
            case "form":
                self.page.forms.append(Form(given.get("method", "get"), given["action"]))
            case "input" if self.page.forms:
                self.page.forms[-1].fields[given["name"]] = given.get("value", "")
            case "table":
                self.page.tables.append([])
            case "tr":
                self.page.tables[-1].append([])
            case "td" | "th":
                self.page.tables[-1][-1].append("")
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"
        if tag == "a" and self._link is not None:
            self.page.links[" ".join(self._link_words.split())] = self._link
            self._link = None

    def handle_data(self, data: str) -> None:
        self.page.words += data
        if "title" in self._open and "svg" not in self._open:
            self.page.title += data
        if self._link is not None:
            self._link_words += data
        if "form" in self._open:
            self.page.forms[-1].words += data
        if {"td", "th"} & set(self._open) and self.page.tables:
            self.page.tables[-1][-1][-1] += data
