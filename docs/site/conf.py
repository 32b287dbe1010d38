"""The documents as a site: `make docs`. Sphinx reads them where they are, so that their links hold here and there."""

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parents[2]
GROUPS = tomllib.loads((Path(__file__).parent / "navigation.toml").read_text("utf-8"))["group"]
PAGES = [page for group in GROUPS for page in group["pages"]]
_IMAGES = "docs/images"
_LOADED = re.compile(r"<(?:link|script|img|source|iframe)\b[^>]*\b(?:src|srcset|href)=\"((?:https?:)?//[^\"]+)")
"""What a browser would fetch by itself: all of it comes with the site."""
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)#\s:]+)\)")

project = "Invoice Watcher"
html_title = project
root_doc = "README"
include_patterns = PAGES
extensions = ["myst_parser"]
myst_heading_anchors = 3
smartquotes = False  # what stands in quotes is often code
html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_theme_options = {"navigation_with_keys": True}


def setup(app: Sphinx) -> None:
    app.connect("source-read", _for_the_site)
    app.connect("build-finished", _complete)


def _for_the_site(_app: Sphinx, page: str, source: list[str]) -> None:
    folder = (ROOT / page).parent

    def linked(match: re.Match[str]) -> str:
        """Pages and files are found by Sphinx. Folders have no page here, and other Markdown is a file to download."""
        text, target = match.groups()
        path = (folder / target).resolve()
        if path.is_dir():
            return text
        is_other = path.suffix == ".md" and path.is_file() and str(path.relative_to(ROOT)) not in PAGES
        return f"{{download}}`{text} <{target}>`" if is_other else match[0]

    source[0] = _LINK.sub(linked, source[0])
    if page == root_doc:  # Sphinx takes its navigation from lists in the first page, which nobody has to see
        source[0] += "".join(map(_toctree, GROUPS))


def _toctree(group: dict[str, Any]) -> str:
    pages = "\n".join("self" if page == f"{root_doc}.md" else f"/{page}" for page in group["pages"])
    return f"\n\n```{{toctree}}\n:hidden:\n:caption: {group['caption']}\n\n{pages}\n```\n"


def _complete(app: Sphinx, error: Exception | None) -> None:
    """The first page under the name that browsers ask for, and the pictures that pages show in HTML."""
    if error is not None:
        return
    for page in app.outdir.rglob("*.html"):
        if found := _LOADED.search(page.read_text("utf-8")):
            raise ExtensionError(f"{page} would load {found[1]} from elsewhere")
    shutil.copyfile(app.outdir / f"{root_doc}.html", app.outdir / "index.html")
    if (ROOT / _IMAGES).is_dir():
        shutil.copytree(ROOT / _IMAGES, app.outdir / _IMAGES, dirs_exist_ok=True)
