"""The command line: reads a BIDS dataset, runs the stages, writes a derivatives dataset."""
