"""Invoice Watcher: polls invoices at billing providers and sends subscribers what changed."""

__version__ = "0.1.0"
