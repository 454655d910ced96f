"""`python -m node` is `perpd`."""

from node.cli import main

main()
