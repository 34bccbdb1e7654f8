"""Spikes without marks: transients whose field a patch of this head explains.

The chance of a false one is taken from the recording itself, with its transients' phases drawn anew.
"""
