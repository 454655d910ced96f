"""One file per subcommand of `perpd`; each defines `command`."""
