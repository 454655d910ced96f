"""Our own client of a node: what `perpd tx`, `perpd query`, the demo and tests use. It speaks gRPC and nothing else."""
