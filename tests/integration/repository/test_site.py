"""The site that `make docs` builds leads to every document."""

import tomllib

from tests.integration.repository import ROOT
from tests.integration.repository.documents import DOCUMENTS

NAVIGATION = tomllib.loads((ROOT / "docs" / "site" / "navigation.toml").read_text("utf-8"))


def test_the_navigation_lists_every_document_once_and_nothing_else() -> None:
    listed: list[str] = [page for group in NAVIGATION["group"] for page in group["pages"]]
    assert sorted(listed) == sorted(str(document.relative_to(ROOT)) for document in DOCUMENTS)


def test_the_first_page_is_the_readme() -> None:
    assert NAVIGATION["group"][0]["pages"][0] == "README.md"
