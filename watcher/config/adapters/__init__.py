"""Adapter files: reading, checking and running their examples."""
