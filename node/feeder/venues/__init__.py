"""Prices of real exchanges for this validator's votes: asked over HTTP beside the node, answered from a bounded cache."""
