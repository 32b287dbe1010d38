"""Python text in the form that `ruff format` gives it at 88 columns, which is its default."""

import textwrap
from collections.abc import Sequence

WIDTH = 88


def docstring(sentence: str, indent: str) -> str:
    line = f'{indent}"""{sentence}"""\n'
    if len(line) <= WIDTH + 1:
        return line
    first, *rest = textwrap.wrap(sentence, WIDTH - len(indent) - 3)
    return f'{indent}"""{first}\n' + "".join(f"{indent}{part}\n" for part in rest) + f'{indent}"""\n'


def literal(values: Sequence[str | bool]) -> str:
    return "Literal[\n" + "".join(f'    "{value}",\n' for value in values) + "]"


def constant(name: str, values: Sequence[str], separator: str) -> str:
    """`name = ` and the values in one line, or one a line in parentheses."""
    if separator == ", ":
        return f"{name} = (\n" + "".join(f"    {value},\n" for value in values) + ")\n"
    line = f"{name} = {separator.join(values)}\n"
    if len(line) <= WIDTH + 1:
        return line
    return f"{name} = (\n    {values[0]}\n" + "".join(f"    | {value}\n" for value in values[1:]) + ")\n"


def comment(text: str) -> str:
    """Text with ''' for the quotes of docstrings."""
    return text.replace("'''", '"""')
