"""One HTML file from sections of sentences, tables, plots and stated properties. It links to nothing outside itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --paper: #ffffff; --soft: #5b6675; --grid: #e2e6ec; --good: #1a7f37; --bad: #c62828;
  --series-0: #1f6feb; --series-1: #d9730d; --series-2: #1a7f37; --series-3: #a33ea1; --series-4: #b8860b; --series-5: #c62828; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ef; --paper: #12161c; --soft: #98a3b3; --grid: #2b323d; --good: #4cc26a;
  --bad: #ff7b72; --series-0: #6cb0ff; --series-1: #ffa657; --series-2: #56d364; --series-3: #d794e8; --series-4: #e3c04f;
  --series-5: #ff7b72; } }
body { margin: 2rem auto; max-width: 54rem; padding: 0 1rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { margin-top: 3rem; font-size: 1.3rem; } nav, figcaption, caption { color: var(--soft); }
figure { margin: 1.5rem 0; } figcaption { font-size: .95rem; } svg { width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
svg text.title { font-weight: 600; fill: var(--ink); } .grid { stroke: var(--grid); } .axis { fill: none; stroke: var(--soft); }
.rule { stroke: var(--soft); stroke-dasharray: 2 3; } .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.bar { fill-opacity: .8; } .bar.open { fill-opacity: .12; stroke-dasharray: 4 3; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin: 1rem 0;
  font-variant-numeric: tabular-nums; font-size: .92rem; }
caption { text-align: left; padding-bottom: .3rem; } th, td { padding: .25rem .8rem; text-align: right;
  border-bottom: 1px solid var(--grid); }
th:first-child, td:first-child { text-align: left; } .holds::before { content: "✓ "; color: var(--good); }
.broken::before { content: "✗ "; color: var(--bad); } .properties { list-style: none; padding: 0; }
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """Plots that are read together, with one sentence that says what one sees."""

    plots: tuple[str, ...]
    seen: str

    def html(self) -> str:
        return f"<figure>\n{chr(10).join(self.plots)}\n<figcaption>What you see: {escape(self.seen)}</figcaption>\n</figure>"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header, with what they are and their units in the caption."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def html(self) -> str:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.header)
        body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        return (
            f'<div class="scroll"><table>\n<caption>{escape(self.caption)}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
        )


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    text: str

    def html(self) -> str:
        return f"<p>{escape(self.text)}</p>"


@dataclass(frozen=True, slots=True)
class Property:
    """A stated property and whether it held when the report was made."""

    sentence: str
    holds: bool

    def html(self) -> str:
        return f'<li class="{"holds" if self.holds else "broken"}">{escape(self.sentence)}</li>'


@dataclass(slots=True)
class Section:
    """One study: its parts in reading order, its properties, and the figures that are also said on the terminal."""

    name: str
    """The anchor: letters and dashes."""
    title: str
    parts: list[Figure | Table | Prose] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    key_numbers: list[str] = field(default_factory=list)

    def say(self, *sentences: str) -> None:
        """One paragraph more."""
        self.parts.append(Prose(" ".join(sentences)))

    def show(self, seen: str, *plots: str) -> None:
        """One figure more."""
        self.parts.append(Figure(plots, seen))

    def tabulate(self, caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """One table more."""
        assert all(len(row) == len(header) for row in rows)
        self.parts.append(Table(caption, tuple(header), tuple(tuple(row) for row in rows)))

    def state(self, sentence: str, *, holds: bool) -> None:
        """One property more."""
        self.properties.append(Property(sentence, holds))

    def html(self) -> str:
        properties = "\n".join(one.html() for one in self.properties)
        parts = "\n".join(one.html() for one in self.parts)
        return (
            f'<section id="{self.name}">\n<h2>{escape(self.title)}</h2>\n<ul class="properties">\n{properties}\n</ul>\n{parts}\n</section>'
        )


Study = Callable[[], Section]
"""Makes its measurements anew and says what they gave."""


def page(title: str, introduction: str, sections: Sequence[Section]) -> str:
    """The whole document."""
    links = " · ".join(f'<a href="#{one.name}">{escape(one.title)}</a>' for one in sections)
    body = "\n".join(one.html() for one in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        f"<p>{escape(introduction)}</p>\n<nav>{links}</nav>\n{body}\n</body>\n</html>\n"
    )


def broken(sections: Sequence[Section]) -> list[str]:
    """The stated properties that do not hold."""
    return [one.sentence for section in sections for one in section.properties if not one.holds]
