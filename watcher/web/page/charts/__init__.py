"""Charts as SVG, made on the server: exact sums in, whole coordinates out, and the numbers as a table beside them."""

from watcher.web.page.charts.bars import Part, bar
from watcher.web.page.charts.chart import Chart, Place, Series, column_chart, line_chart

__all__ = ["Chart", "Part", "Place", "Series", "bar", "column_chart", "line_chart"]
