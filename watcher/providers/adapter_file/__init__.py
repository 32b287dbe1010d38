"""Providers that an adapter file describes: one adapter for all of them, driven by what the file says."""
