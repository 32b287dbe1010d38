"""What `listen` prints for each webhook: readable for people, JSON Lines for programs."""

import json
from collections.abc import Mapping
from typing import cast

from rich.highlighter import JSONHighlighter
from rich.text import Text

from watcher.cli.commands.listen.receiving import Arrival
from watcher.cli.output import Item, console, print_line
from watcher.core.instants import instant_text
from watcher.webhook.response import printable, shortened


def show(arrival: Arrival, *, as_json: bool) -> None:
    if as_json:
        print_line(_item(arrival))
        return
    out = console()
    out.print(_heading(arrival), soft_wrap=True)
    if arrival.document is not None:
        # It contains names that customers chose: none of them may move the terminal's cursor.
        text = printable(json.dumps(arrival.document, ensure_ascii=False, indent=2))
        out.print(JSONHighlighter()(text), soft_wrap=True)


def _item(arrival: Arrival) -> Item:
    return {
        "received_at": instant_text(arrival.at),
        "webhook_id": shortened(arrival.id),
        "verified": arrival.refused is None,
        "refused": arrival.refused,
        "repeated": arrival.repeated,
        "forwarded": arrival.forwarded,
        "answered": arrival.answer.status,
        "error": arrival.answer.error,
        "body": arrival.document,
    }


def _heading(arrival: Arrival) -> Text:
    line = Text(instant_text(arrival.at.replace(microsecond=0)).replace("T", " "), style="dim")
    line.append(f"  {shortened(arrival.id) or 'without an id'}", style="default")
    if arrival.refused is not None:
        return line.append(f"  refused: {arrival.refused}", style="red")
    line.append(f"  {_subject(arrival.document)}", style="bold")
    line.append("  verified", style="green")
    if arrival.repeated:
        line.append(", a repeat", style="yellow")
    if arrival.answer.error is not None:
        return line.append(f", not forwarded: {arrival.answer.error}", style="red")
    by = "the receiver answered" if arrival.forwarded else "answered"
    return line.append(f", {by} {arrival.answer.status}")


def _subject(document: object) -> str:
    if not isinstance(document, dict):
        return "not JSON"
    body = cast("Mapping[str, object]", document)
    data = body.get("data")
    about = cast("Mapping[str, object]", data if isinstance(data, dict) else {})
    words = (body.get("type"), about.get("source") or about.get("endpoint"), about.get("invoice_id"))
    return shortened(" ".join(str(word) for word in words if word is not None))
