"""Where the views of the page are in a browser: taken from its routes, so that a new view is checked as well."""

import re

from watcher.web.page.routes import VIEWS

EXAMPLES = {"source": "acme", "invoice_id": "inv_000003", "customer_id": "cus_3"}
"""For each segment of a path that varies, a value that the filled site knows."""
_SEGMENT = re.compile(r"\{(\w+)[^}]*\}")

PATHS = (*(_SEGMENT.sub(lambda found: EXAMPLES[found[1]], path) for path in VIEWS), "/aging?by=customer")
WITHOUT_INVOICES = tuple(path for path in VIEWS if "{" not in path)
MISSING = "/invoices/acme/inv_never_watched"
"""Its answer is the page of errors."""
