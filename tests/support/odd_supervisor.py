"""The supervisor of a localnet, with a broken program (support.broken_node) in the place of the last node's perpd."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from node.localnet import supervisor
from node.localnet.home import Home, NodeHome
from node.localnet.process import Command

TESTS = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """As `python -m node.localnet.supervisor`; the home comes second."""
    last = Home(Path(arguments[1])).load().validators - 1
    sound = supervisor.node_commands

    def node_commands(node: NodeHome, engine: Path) -> tuple[Command, Command]:
        application, engine_command = sound(node, engine)
        if node.index == last:
            path = os.pathsep.join([str(TESTS), application.environment["PYTHONPATH"]])
            application = replace(
                application,
                arguments=[sys.executable, "-P", "-m", "support.broken_node", "start", "--home", str(node.home)],
                environment={**application.environment, "PYTHONPATH": path},
            )
        return application, engine_command

    supervisor.node_commands = node_commands
    return supervisor.main(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
