"""Columns and lines over places such as hours, weeks or months.

Horizontal coordinates are percent of the width, vertical ones pixels: a chart is as wide as there is room, its words
keep their size, and no element needs a style of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import reduce

from watcher.web.page.charts import axis
from watcher.web.page.formatting import NONE, grouped

HEIGHT = 190
_TOP, _BASELINE, _LABEL_AT = 120, 1640, 182
"""The highest tick and zero, in tenths of a pixel; and where the words below stand."""
_LEFT, _RIGHT = 1400, 9850
"""In hundredths of a percent: on the left is room for the ticks' words."""
_SCALE_AT = _LEFT - 130
_VISIBLE = 10
"""More than nothing has at least the height of a pixel."""
_GAP_SHARE = 5
"""One part in this many of a place stays free between columns."""
_WIDEST = 420
_EXACT = Context(prec=100)

Amount = Decimal | int


@dataclass(frozen=True, slots=True)
class Place:
    """A place on the horizontal axis: as its label there, and in full for the table."""

    label: str
    full: str


@dataclass(frozen=True, slots=True)
class Series:
    """Values for all places, in their order. `kind` is a class of the stylesheet. None: there is no such value."""

    name: str
    kind: str
    values: Sequence[Amount | None]


@dataclass(frozen=True, slots=True)
class Word:
    x: str
    y: str
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a column, or a point of a line; `to_x` and `to_y` are the next point of the line, if there is one."""

    kind: str
    y: str
    height: str
    to_x: str = ""
    to_y: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """Everything at one place. `x` and `width` are its column, `middle` is where points stand."""

    words: str
    left: str
    whole: str
    x: str
    width: str
    middle: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """`name` is unique on its page. `heading` says what the places are; `rows` are the numbers, exact."""

    name: str
    title: str
    description: str
    heading: str
    is_line: bool
    height: int
    left: str
    right: str
    baseline: str
    scale: tuple[Word, ...]
    labels: tuple[Word, ...]
    slots: tuple[Slot, ...]
    series: tuple[Series, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def column_chart(
    name: str, title: str, heading: str, places: Sequence[Place], series: Sequence[Series], *, unit: str = ""
) -> Chart:
    """A column for each place, its series on top of each other, from zero on.

    `unit` stands behind numbers in words: a currency, `changes`. Negative values have no place in it.
    """
    return _chart(_Kind(_added, _stacked), name, title, heading, places=places, series=series, unit=unit)


def line_chart(
    name: str, title: str, heading: str, places: Sequence[Place], series: Sequence[Series], *, unit: str = ""
) -> Chart:
    """A point for each known value, straight lines between neighbours, from zero on; what is not known is a gap."""
    return _chart(_Kind(max, _points), name, title, heading, places=places, series=series, unit=unit)


@dataclass(frozen=True, slots=True)
class _Kind:
    """`height` is that of a place by its values, `draw` gives its pieces."""

    height: Callable[[Sequence[Amount]], Amount]
    draw: Callable[[Sequence[Series], int, Decimal], Iterator[Piece]]


def _chart(
    kind: _Kind,
    name: str,
    title: str,
    heading: str,
    *,
    places: Sequence[Place],
    series: Sequence[Series],
    unit: str,
) -> Chart:
    values = [value for one in series for value in one.values if value is not None]
    if any(value < 0 for value in values) or any(len(one.values) != len(places) for one in series):
        raise ValueError(f"{name}: a chart has one value for each place, and none below zero")
    heights = [kind.height([one.values[number] or 0 for one in series]) for number in range(len(places))]
    ticks = axis.ticks(max(heights, default=0), whole=all(isinstance(value, int) for value in values))
    is_line = kind.draw is _points
    columns = [*series, Series("together", "", heights)] if not is_line and len(series) > 1 else series
    return Chart(
        name=name,
        title=title,
        description=_description(places, heights, unit, ticks),
        heading=heading,
        is_line=is_line,
        height=HEIGHT,
        left=_percent(_LEFT),
        right=_percent(_RIGHT),
        baseline=_pixels(_BASELINE),
        scale=tuple(_tick(tick, ticks[-1]) for tick in ticks),
        labels=tuple(_labels(places)),
        slots=tuple(
            _slot(number, places, series, unit, tuple(kind.draw(series, number, ticks[-1])))
            for number in range(len(places))
        ),
        series=tuple(series),
        columns=tuple(one.name for one in columns),
        rows=tuple(_rows(places, columns)),
    )


def _tick(tick: Decimal, highest: Decimal) -> Word:
    return Word(_percent(_SCALE_AT), _pixels(_y(tick, highest)), axis.tick_text(tick, highest))


def _labels(places: Sequence[Place]) -> Iterator[Word]:
    for number in sorted(axis.labelled(places)):
        yield Word(_percent(_middle(number, len(places))), str(_LABEL_AT), places[number].label)


def _rows(places: Sequence[Place], columns: Sequence[Series]) -> Iterator[tuple[str, ...]]:
    """All numbers with as many decimals as any of them has."""
    values = [value for one in columns for value in one.values if isinstance(value, Decimal)]
    decimals = max((-int(value.as_tuple().exponent) for value in values), default=0)
    for number, place in enumerate(places):
        yield place.full, *(_text(one.values[number], decimals) for one in columns)


def _stacked(series: Sequence[Series], number: int, highest: Decimal) -> Iterator[Piece]:
    below = _BASELINE
    for one in series:
        value = one.values[number]
        if value:
            height = max(_VISIBLE, _BASELINE - _y(value, highest))
            below -= height
            yield Piece(one.kind, _pixels(below), _pixels(height))


def _points(series: Sequence[Series], number: int, highest: Decimal) -> Iterator[Piece]:
    for one in series:
        value = one.values[number]
        if value is None:
            continue
        following = one.values[number + 1] if number + 1 < len(one.values) else None
        to = (
            ("", "")
            if following is None
            else (_percent(_middle(number + 1, len(one.values))), _pixels(_y(following, highest)))
        )
        yield Piece(one.kind, _pixels(_y(value, highest)), "0", *to)


def _slot(number: int, places: Sequence[Place], series: Sequence[Series], unit: str, pieces: tuple[Piece, ...]) -> Slot:
    count = len(places)
    left, right = _edge(number, count), _edge(number + 1, count)
    width = min(_WIDEST, (right - left) * (_GAP_SHARE - 1) // _GAP_SHARE)
    middle = _middle(number, count)
    values = ", ".join(f"{one.name} {_with_unit(one.values[number], unit)}" for one in series)
    return Slot(
        words=f"{places[number].full}: {values}",
        left=_percent(left),
        whole=_percent(right - left),
        x=_percent(middle - width // 2),
        width=_percent(width),
        middle=_percent(middle),
        pieces=pieces,
    )


def _description(places: Sequence[Place], heights: Sequence[Amount], unit: str, found: Sequence[Decimal]) -> str:
    """What somebody needs who does not see the chart: its extent, and where it is highest."""
    if not any(heights):
        return "Nothing yet."
    most = max(heights)
    at = places[heights.index(most)].full
    scale = f"from 0 to {grouped(found[-1])}"
    return f"{places[0].full} to {places[-1].full}, {scale}. Highest at {at}: {_with_unit(most, unit)}."


def _added(values: Iterable[Amount]) -> Decimal:
    return reduce(_EXACT.add, map(Decimal, values), Decimal(0))


def _text(value: Amount | None, decimals: int) -> str:
    if value is None:
        return NONE
    return grouped(_EXACT.quantize(Decimal(value), Decimal(1).scaleb(-max(decimals, 0))))


def _with_unit(value: Amount | None, unit: str) -> str:
    return "not known" if value is None else f"{grouped(value)} {unit}".strip()


def _y(value: Amount, highest: Decimal) -> int:
    share = _EXACT.divide(_EXACT.multiply(Decimal(value), Decimal(_BASELINE - _TOP)), highest)
    return _BASELINE - int(share.to_integral_value(context=_EXACT))


def _edge(number: int, count: int) -> int:
    return _LEFT + (_RIGHT - _LEFT) * number // count


def _middle(number: int, count: int) -> int:
    return (_edge(number, count) + _edge(number + 1, count)) // 2


def _percent(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02}%"


def _pixels(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10}"
