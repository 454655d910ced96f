"""Transactions: strict decoding, signatures, and what is known about each without looking at state."""
