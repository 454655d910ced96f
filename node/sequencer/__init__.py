"""The in-protocol sequencer: which transactions a block may hold, and the one order in which they stand."""
