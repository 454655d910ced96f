"""`perpd demo mev`: what a proposer that cheats tries, what catches it, and what it would have earned."""
