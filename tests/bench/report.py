"""Lines of measurement with their budgets, as a table for people and as JSON for machines."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measured figure, and where it stands against its target and floor (0: it has none)."""

    what: str
    value: float
    unit: str
    target: float = 0.0
    floor: float = 0.0
    more_is_better: bool = True
    exact: bool = False
    """A count: anything but the target is wrong."""
    note: str = ""

    @property
    def verdict(self) -> str:
        """`ok`, `below target`, `BELOW FLOOR`, `WRONG`, or nothing where there is no budget."""
        if self.exact:
            return "ok" if self.value == self.target else "WRONG"
        if not self.target:
            return ""
        if self.reaches(self.target):
            return "ok"
        return "below target" if self.reaches(self.floor) else "BELOW FLOOR"

    @property
    def failed(self) -> bool:
        return self.verdict in ("BELOW FLOOR", "WRONG")

    def reaches(self, bound: float) -> bool:
        """Whether the value is at least as good as the bound."""
        return self.value >= bound if self.more_is_better else self.value <= bound


@dataclass(slots=True)
class Report:
    """Sections of lines and remarks, said as they come in."""

    quiet: bool = False
    lines: list[tuple[str, Line]] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)
    section: str = ""

    def begin(self, title: str) -> None:
        self.section = title
        self.say(f"\n{title}")

    def record(self, line: Line) -> None:
        """Kept for the JSON and the verdict; said otherwise."""
        self.lines.append((self.section, line))

    def add(self, line: Line) -> None:
        self.record(line)
        budget = f"target {number(line.target)}" if line.target and not line.exact else ""
        if line.floor:
            budget += f", floor {number(line.floor)}"
        value = f"{number(line.value)} {line.unit}".rstrip()
        self.say(f"  {line.what:<58} {value:>16}  {budget:<28} {line.verdict:<12} {line.note}".rstrip())

    def remark(self, text: str) -> None:
        self.remarks.append((self.section, text))
        self.say(f"  {text}")

    def say(self, text: str) -> None:
        if not self.quiet:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    @property
    def failed(self) -> list[str]:
        return [line.what for _, line in self.lines if line.failed]

    def write_json(self, path: Path) -> None:
        """All of it, with the machine it was measured on."""
        document: dict[str, Any] = {
            "machine": machine(),
            "lines": [{"section": section, **asdict(line), "verdict": line.verdict} for section, line in self.lines],
            "remarks": [{"section": section, "text": text} for section, text in self.remarks],
        }
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def number(value: float) -> str:
    """Three significant digits, thousands apart."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def machine() -> str:
    """Processor, cores and Python, in one line."""
    model = ""
    try:
        rows = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((row.partition(":")[2].strip() for row in rows if row.startswith("model name")), "")
    except OSError:
        pass  # no Linux: the architecture must do
    cores = os.cpu_count()
    return f"{model or platform.machine()}, {cores} cores, {platform.python_implementation()} {platform.python_version()}"


def median(values: Sequence[float]) -> float:
    """The middle value (the lower of two); 0 for none."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2] if ordered else 0.0
