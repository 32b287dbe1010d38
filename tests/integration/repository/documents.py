"""The documents of this repository, and the parts of them that can be true or false."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.integration.repository import ROOT

SYSTEMD = ROOT / "systemd" / "README.md"
DOCUMENTS = tuple(sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), SYSTEMD]))

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|srcset)=\"([^\"\s]+)\"")
"""In Markdown, or that of a picture in HTML."""
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def blocks(document: Path, language: str) -> tuple[str, ...]:
    return tuple(text for name, text in _BLOCK.findall(document.read_text("utf-8")) if name == language)


def section(document: Path, heading: str) -> list[tuple[str, str]]:
    """The blocks of a section in their order, each with its language."""
    return _BLOCK.findall(document.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0])


def shell(document: Path, heading: str) -> str:
    """All shell commands of a section, as they would be typed."""
    return "\n".join(block for name, block in section(document, heading) if name == "sh")


def commands(document: Path, program: str) -> Iterator[str]:
    """Each use of `program` with its arguments, from shell blocks and from words set as code."""
    inline = _CODE.findall(_BLOCK.sub("", document.read_text("utf-8")))
    shell = [
        line.partition("#")[0].partition(" > ")[0].strip()
        for block in blocks(document, "sh")
        for line in block.splitlines()
    ]
    return (words for words in (*shell, *inline) if words.startswith(f"{program} "))


def links(document: Path) -> Iterator[str]:
    return (markdown or html for markdown, html in _LINK.findall(_BLOCK.sub("", document.read_text("utf-8"))))


def anchors(document: Path) -> frozenset[str]:
    """What `#…` may point to, as code forges make it from headings."""
    headings: list[str] = _HEADING.findall(_BLOCK.sub("", document.read_text("utf-8")))
    return frozenset(re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings)
