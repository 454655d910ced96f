"""Services of the node itself, beside the modules' queries: what the engine must be asked for, and what only the node knows."""
