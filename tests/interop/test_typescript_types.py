"""The TypeScript of `schema event --as typescript`, held by the compiler: it takes every body and no wrong one."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.bodies import forms
from watcher.cli.receiver_types.model import bodies
from watcher.cli.receiver_types.typescript import typescript
from watcher.core.invoices.event import EventType
from watcher.core.invoices.event_schema import event_schema

HERE = Path(__file__).parent
PAID = json.loads(forms(EventType.PAID)["whole"])
STRICT = (
    "--strict",
    "--exactOptionalPropertyTypes",
    "--noUncheckedIndexedAccess",
    "--noPropertyAccessFromIndexSignature",
)

Spoil = Callable[[dict[str, Any]], object]
WRONG: dict[str, Spoil] = {
    "an unknown type": lambda body: body.update(type="invoice.lost"),
    "a type that has other fields": lambda body: body.update(type="invoice.due_soon"),
    "no time": lambda body: body.pop("timestamp"),
    "no sequence": lambda body: body["data"].pop("sequence"),
    "money as a number": lambda body: body["data"]["invoice"]["amounts"][0].update(paid=100),
    "an unknown status": lambda body: body["data"]["invoice"].update(status="settled"),
    "a missing null": lambda body: body["data"]["invoice"].pop("voided_at"),
    "undefined for null": lambda body: body["data"].update(occurred_at={}),
    "changes without the invoice": lambda body: body["data"].pop("invoice"),
    "whole and truncated": lambda body: body["data"].update(truncated=True),
    "a field that nobody knows": lambda body: body["data"]["invoice"].update(e_mail="jane@example.com"),
    "a reason that this type never has": lambda body: body["data"].update(reason="paid"),
}
NARROWED = """
import type { Change, ClearedReason, Delta, Invoice, InvoiceEvent, WatcherEvent } from "./events.js";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function narrowed(event: WatcherEvent): string {
  switch (event.type) {
    case "invoice.paid": { const known: Same<typeof event.data.delta, Delta[] | null> = true; return String(known); }
    case "invoice.credited": return event.data.delta[0]?.amount ?? "";
    case "invoice.overdue_cleared": { const reason: ClearedReason = event.data.reason; return reason; }
    case "invoice.due_soon": return event.data.offset;
    case "source.failing": return event.data.source;
    case "endpoint.disabled": return event.data.endpoint;
    default: return event.data.event_id;
  }
}
function whole(event: InvoiceEvent): [Invoice, Change[]] | undefined {
  return event.data.invoice === undefined ? undefined : [event.data.invoice, event.data.changes];
}
// @ts-expect-error: only some types have an offset
function refused(event: InvoiceEvent) { return event.data.offset; }
export { narrowed, refused, whole };
"""


def accepted() -> str:
    return "\n".join(
        f"export const {event_type.name}_{form}: WatcherEvent = {body.decode()};"
        for event_type in EventType
        for form, body in forms(event_type).items()
    )


def refused() -> str:
    lines: list[str] = []
    for number, (name, spoil) in enumerate(WRONG.items()):
        document = json.loads(json.dumps(PAID))
        spoil(document)
        lines += [f"// @ts-expect-error: {name}", f"export const wrong{number}: WatcherEvent = {json.dumps(document)};"]
    return "\n".join(lines)


def compiled(node: str, folder: Path, *arguments: str) -> str:
    """What the compiler has to say."""
    command = [node, str(HERE / "node_modules" / "typescript" / "bin" / "tsc"), "--module", "nodenext", *arguments]
    roots = ("--types", "node", "--typeRoots", str(HERE / "node_modules" / "@types"))
    run = subprocess.run([*command, *roots], cwd=folder, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 -- the compiler and our files
    assert (run.returncode == 0) == (run.stdout == ""), run.stderr
    return run.stdout


@pytest.mark.timeout(300)
def test_the_compiler_takes_every_body_and_refuses_every_wrong_one(node: str, tmp_path: Path) -> None:
    head = 'import type { WatcherEvent } from "./events.js";\n'
    unspoiled = f"// @ts-expect-error\nexport const right: WatcherEvent = {json.dumps(PAID)};"
    sources = {
        "events.ts": typescript(bodies(event_schema())),
        "accepted.ts": head + accepted(),
        "refused.ts": head + refused(),
        "narrowed.ts": NARROWED,
        "right.ts": head + unspoiled,  # proves that what the compiler should refuse and does not is reported
    }
    for name, text in sources.items():
        (tmp_path / name).write_text(text, "utf-8")

    said = compiled(node, tmp_path, "--noEmit", *STRICT, *sources)

    assert said == "right.ts(2,1): error TS2578: Unused '@ts-expect-error' directive.\n"
