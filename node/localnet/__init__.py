"""N validators on one machine: keys, genesis, configuration, and the processes that run them."""
