"""CSV as RFC 4180 has it, with cells that no spreadsheet runs as a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

BYTE_ORDER_MARK = "\ufeff"
"""Excel reads a file without it in the code page of the machine."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What spreadsheets run or drop (OWASP, "CSV Injection"), with the full-width forms that some take for the same."""


def harmless(text: str) -> str:
    """The text as a cell: an apostrophe before what a spreadsheet would run. `original` takes it away again."""
    return f"'{text}" if _FORMULA.match(text) else text


def original(cell: str) -> str:
    """The inverse of `harmless`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def lines(rows: Iterable[Sequence[str]]) -> str:
    """Lines of cells that are ready to be written."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
