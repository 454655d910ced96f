"""Tables for people: plain columns that also read well in a file or a pipe."""

import io
import shutil
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

_WIDTH_LEAST = 100
_WIDTH_MOST = 180


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> str:
    """A table as text. A column whose name begins with `>` is aligned right."""
    grid = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold", pad_edge=False)
    for name in columns:
        grid.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return _text(grid)


def facts(rows: Iterable[tuple[str, str]], title: str = "") -> str:
    """Names and values, one a line."""
    grid = Table.grid(padding=(0, 2))
    grid.title, grid.title_justify, grid.title_style = title or None, "left", "bold"
    grid.add_column()
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value)
    return _text(grid)


def _text(grid: Table) -> str:
    width = min(max(shutil.get_terminal_size().columns, _WIDTH_LEAST), _WIDTH_MOST)
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, markup=False, highlight=False, emoji=False).print(grid)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip("\n")
