"""Who works at the command line, for the audit trail."""

import os
import pwd

from watcher.ports import AuditAction, AuditEntry


def by_user(action: AuditAction, target: str) -> AuditEntry:
    return AuditEntry(f"cli:{_user()}", action, target)


def _user() -> str:
    """The user whose rights the process has; environment variables could name anybody."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
