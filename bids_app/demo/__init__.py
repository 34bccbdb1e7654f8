"""Virtual patients: complete BIDS datasets whose truth is known (and kept outside them)."""
