"""Adding watches by hand: pasted ids or a CSV, a preview of what would happen, and then the adding."""

from http import HTTPStatus

from watcher.core.errors import NotAllowed, Refused
from watcher.ports import LineState, PastedWatches, WatchPreview
from watcher.web.page.forms import Form, read_form
from watcher.web.page.view import PageRequest, View
from watcher.web.problems import Problem

SHOWN = 200
"""Lines of each kind in a preview; the others are counted."""
_SECTION = "watches"
_MOST_FORM_BYTES = 4 * 1024 * 1024
"""More than the text may have: a browser sends line ends as two bytes."""
_STATES = (
    (LineState.INVALID, "Invalid: left out"),
    (LineState.NEW, "Will be added"),
    (LineState.RETIRED, "Watched already, but retired: will be polled again"),
    (LineState.WATCHED, "Watched already: stay as they are"),
    (LineState.REPEATED, "Named more than once: one watch each"),
)


async def ask(page_request: PageRequest) -> View:
    return _view(page_request, None)


async def preview(page_request: PageRequest) -> View:
    form = await read_form(page_request.http, _MOST_FORM_BYTES)
    pasted = _pasted(form)
    try:
        found = await page_request.actions.preview_watches(pasted)
    except NotAllowed as error:
        raise Problem.of(error) from error
    except Refused as error:
        return _view(page_request, pasted, problem=str(error))
    return _view(page_request, pasted, found)


async def add(page_request: PageRequest) -> str:
    form = await read_form(page_request.http, _MOST_FORM_BYTES)
    added = await page_request.actions.add_watches(_pasted(form))
    words = [f"{_counted(added.added)} added" if added.added else "No watch was added"]
    for state, rest in (
        (LineState.WATCHED, "watched already"),
        (LineState.REPEATED, "named more than once"),
        (LineState.INVALID, "invalid and left out"),
    ):
        if count := len(added.of(state)):
            words.append(f"{count:,} {rest}")
    return f"{', '.join(words)}."


def _counted(count: int) -> str:
    return f"{count:,} {'watch' if count == 1 else 'watches'}"


def _pasted(form: Form) -> PastedWatches:
    text = form.file("file") or form.text("text")
    if form.text("kind") == "csv":
        return PastedWatches(text)
    tags = tuple(tag.strip() for tag in form.text("tags").split(";") if tag.strip())
    return PastedWatches(text, form.text("source"), tags)


def _view(
    page_request: PageRequest, pasted: PastedWatches | None, found: WatchPreview | None = None, *, problem: str = ""
) -> View:
    groups = [] if found is None else [(state, title, found.of(state)) for state, title in _STATES]
    context: dict[str, object] = {
        "sources": sorted(page_request.backend.rates()),
        "pasted": pasted,
        "preview": found,
        "groups": [(state, title, lines) for state, title, lines in groups if lines],
        "shown": SHOWN,
        "problem": problem,
    }
    return View("add_watches.html", _SECTION, context, HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK)
