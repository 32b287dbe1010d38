"""The check of cron expressions in the config file."""

from watcher.core.scheduling import cron


def validate(expression: str) -> str | None:
    """What is wrong with the expression, in words; None if it is fine."""
    try:
        cron.fields(expression)
    except ValueError as error:
        return str(error)
    return None
