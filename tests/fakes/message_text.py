"""What messages to people name, read as people do: by kind of event and invoice, from the text alone."""

import re
from collections import Counter

Facts = Counter[tuple[str, str]]
"""How often something is said, by type of event and name of the invoice."""

_TITLES = {
    "invoice.paid": "Paid",
    "invoice.partially_paid": "Partially paid",
    "invoice.payment_reversed": "Reversed payments",
    "invoice.overdue": "Overdue",
}
_SUBJECTS = {
    "invoice.paid": r"Invoice (\S+) was paid: .*",
    "invoice.partially_paid": r"Invoice (\S+) was partially paid: .* paid, .* due",
    "invoice.payment_reversed": r"A payment of invoice (\S+) was reversed: .*",
    "invoice.overdue": r"Invoice (\S+) is overdue: .* due",
}
KINDS = tuple(_SUBJECTS)
"""The types of events that can be read."""

_TYPES = {title: kind for kind, title in _TITLES.items()}
_HEADING = re.compile(r"(?P<title>[A-Z][^:]*): (?P<count>\d+)(, .*)?")
_ROW = re.compile(r"- (?P<name>[^:]+): (?P<facts>.*)")
_TIMES = re.compile(r"(?:^|, )(\d+) times$")


def read_subject(subject: str) -> Facts:
    """Of the message about one event; nothing if it is of another kind."""
    found = ((kind, re.fullmatch(pattern, subject)) for kind, pattern in _SUBJECTS.items())
    return Facts({(kind, match[1]): 1 for kind, match in found if match})


def read_message(subject: str, text: str) -> Facts:
    """Of either form."""
    return read_subject(subject) or read_digest(text)


def read_digest(text: str) -> Facts:
    """Raises ValueError for lines that are no digest's, and if a section names fewer invoices than it counts."""
    found, title, left = Facts(), "", 0
    for line in [*text.splitlines(), "End: 0"]:
        if row := _ROW.fullmatch(line):
            times = _TIMES.search(row["facts"])
            found[_TYPES[title], row["name"]] += int(times[1]) if times else 1
            left -= 1
        elif heading := _HEADING.fullmatch(line):
            if left:
                raise ValueError(f"{title} names {left} fewer than it counts: {text}")
            title, left = heading["title"], int(heading["count"])
        elif line.strip() and not line.startswith("  http"):
            raise ValueError(f"no line of a digest: {line}")
    return found
