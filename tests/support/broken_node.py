"""`perpd` with a bug: while the file `broken` lies in its home, executing a block raises. Its last argument is the home."""

import sys
from pathlib import Path

from modules.kernel.context import Context
from modules.liquidation.keeper import LiquidationKeeper
from node.cli import main

BUG = "a bug made for a test"
FILE = "broken"


def break_blocks(home: Path) -> None:
    """From now on a block raises as long as the file is there."""
    sound = LiquidationKeeper.run

    def run(self: LiquidationKeeper, ctx: Context) -> None:
        if (home / FILE).exists():
            raise RuntimeError(BUG)
        sound(self, ctx)

    LiquidationKeeper.run = run  # type: ignore[method-assign]


if __name__ == "__main__":
    break_blocks(Path(sys.argv[-1]))
    main(sys.argv[1:])
