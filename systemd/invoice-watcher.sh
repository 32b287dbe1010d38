#!/bin/sh
# The program as its service sees it: the same configuration, and the secrets that systemd gives it.
export INVOICE_WATCHER_CONFIG="${INVOICE_WATCHER_CONFIG:-/etc/invoice-watcher/watcher.toml}"
export CREDENTIALS_DIRECTORY="${CREDENTIALS_DIRECTORY:-/etc/invoice-watcher/credentials}"
exec /opt/invoice-watcher/lib/invoice-watcher/bin/python -I -m watcher "$@"
