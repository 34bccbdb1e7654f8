"""Published systems and their rivals on the same data: ``python -m benchmarks.systems``."""
