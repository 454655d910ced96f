"""A demonstration that checks itself: traders on a running localnet, and the proof from queries alone that the money adds up."""
