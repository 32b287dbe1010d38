"""Adds many watches at once by hand: read, compared with what is watched, and written."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

import anyio.to_thread

from watcher.config.watchlists.pasted import read_pasted
from watcher.ports import DesiredWatch, KnownWatch, LineState, PastedWatches, PreviewLine, WatchPreview
from watcher.store import SqlWatches

ORIGIN = "added"


async def preview(watches: SqlWatches, pasted: PastedWatches, sources: Collection[str]) -> WatchPreview:
    """`ports.Actions.preview_watches`."""
    lines = await anyio.to_thread.run_sync(read_pasted, pasted, sources)
    known = await watches.known([(one.source, one.invoice_id) for one in lines if one.state is LineState.NEW])
    return WatchPreview(tuple(_compared(one, known) for one in lines))


async def add(
    watches: SqlWatches, pasted: PastedWatches, sources: Collection[str], now: datetime, who: str
) -> WatchPreview:
    """`ports.Actions.add_watches`. Each watch that is added has its audit entry, in the same transaction."""
    found = await preview(watches, pasted, sources)
    entries = [
        DesiredWatch(one.source, one.invoice_id, one.tags, one.due_on, one.note) for one in found.lines if one.is_added
    ]
    await watches.import_entries(entries, ORIGIN, now, who=who)
    return found


def _compared(line: PreviewLine, known: Mapping[tuple[str, str], KnownWatch]) -> PreviewLine:
    watch = known.get((line.source, line.invoice_id))
    if line.state is not LineState.NEW or watch is None:
        return line
    state = LineState.RETIRED if watch.is_retired else LineState.WATCHED
    return replace(line, state=state, origins=watch.origins)
