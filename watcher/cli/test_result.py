"""Prints the result of one test webhook."""

from dataclasses import asdict

import typer

from watcher.cli.options import Invocation
from watcher.cli.output import print_answer, print_document
from watcher.ports import TestResult


def report(invocation: Invocation, url: str, result: TestResult) -> None:
    """Print it; exits 1 unless the endpoint answered 2xx."""
    if invocation.as_json:
        print_document(asdict(result))
    else:
        print_answer(f"{result.endpoint} ({url}): {result.explanation} ({result.milliseconds} ms)")
    if not result.delivered:
        raise typer.Exit(1)
