"""What validators add to their votes, and the preamble that brings it into the next block."""
