"""The report's pictures: one function per picture, arrays in, matplotlib Figure out."""
