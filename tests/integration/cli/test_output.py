import io
import sys

import pytest

from watcher.cli.commands.invoices import INVOICE_COLUMNS
from watcher.cli.options import Invocation
from watcher.cli.output import Item, console, field, print_list, shown

INVOICE: Item = {
    "source": "acme", "id": "inv_1", "number": None, "status": "open", "overdue": True, "due_on": "2026-12-01",
    "tags": ["vip", "legal"], "customer": {"id": None, "name": None},
    "amounts": [{"currency": "EUR", "total": "1079.98", "due": "79.98"},
                {"currency": "XTS", "total": "5", "due": "12345", "unit": "minor"}],
}  # fmt: skip


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, "-"),
        ("", "-"),
        ([], "-"),
        (0, "0"),
        (True, "yes"),
        (["vip", "legal"], "vip, legal"),
        ("2026-11-22T10:00:00.123456Z", "2026-11-22 10:00:00Z"),
        ("2026-12-01", "2026-12-01"),
        ("TypeErrors are not instants Z", "TypeErrors are not instants Z"),
    ],
)
def test_a_value_is_shown_as_people_write_it(value: object, cell: str) -> None:
    assert shown(value) == cell


def test_a_list_for_programs_is_one_line_of_json_each(capsys: pytest.CaptureFixture[str]) -> None:
    print_list(Invocation(as_json=True), [{"a": "ü"}, {"a": None}], (), empty="None.")

    assert capsys.readouterr().out == '{"a":"ü"}\n{"a":null}\n'


def test_an_empty_list_is_a_sentence_beside_an_empty_answer(capsys: pytest.CaptureFixture[str]) -> None:
    print_list(Invocation(), [], (field("a", "a"),), empty="Nothing yet.")

    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "Nothing yet.\n")


def test_amounts_stand_right_aligned_one_currency_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_list(Invocation(), [INVOICE], INVOICE_COLUMNS, empty="")

    head, _, first, second = (line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert first.index("79.98 EUR", first.index("1079.98 EUR") + 9) + len("79.98 EUR") == head.index("due") + len("due")
    assert "open overdue" in first
    assert "12345 XTS (minor)" in second


def test_what_a_provider_sent_is_never_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_list(Invocation(), [{"note": "[bold red]x[/]"}], (field("note", "note"),), empty="")

    assert "[bold red]x[/]" in capsys.readouterr().out


def test_no_color_is_honoured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured, plain = Screen(), Screen()
    console(coloured).print("paid", style="green")
    monkeypatch.setenv("NO_COLOR", "1")
    console(plain).print("paid", style="green")

    assert "\x1b[32m" in coloured.getvalue()
    assert "\x1b[3" not in plain.getvalue()


def test_a_pipe_gets_whole_ids_whatever_the_width_of_the_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    long = "invoice_" + "a" * 100

    print_list(Invocation(), [{"id": long}], (field("id", "id"),), empty="")

    assert long in capsys.readouterr().out
    assert not sys.stdout.isatty()
