"""`make report`: studies of the exchange, made anew, as one HTML file that a person can read.

Exits with 1 if a stated property does not hold.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from report.manipulation_section import manipulation
from report.page import Study, broken, page

STUDIES: tuple[Study, ...] = (manipulation,)
"""In reading order; each makes its own section."""
TITLE = "perpd: studies"
INTRODUCTION = (
    "Each section states properties, says whether they held when this file was made, and shows the measurements behind them. "
    "Everything was computed by the exchange's own modules; nothing here is drawn by hand."
)


def build(path: Path, studies: Sequence[Study] = STUDIES) -> int:
    """The report is in that file, its key numbers and broken properties are said; 0 if every property holds, else 1."""
    sections = [study() for study in studies]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(TITLE, INTRODUCTION, sections))
    for section in sections:
        lines = [section.title, *(f"  {line}" for line in section.key_numbers)]
        sys.stdout.write("\n".join(lines) + "\n")
    missed = broken(sections)
    sys.stdout.write("".join(f"DOES NOT HOLD: {sentence}\n" for sentence in missed))
    sys.stdout.write(f"the report is in {path}\n")
    return 1 if missed else 0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make report", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("reports/index.html"), help="where to write the file (reports/index.html)")
    sys.exit(build(parser.parse_args().output))


if __name__ == "__main__":
    main()
