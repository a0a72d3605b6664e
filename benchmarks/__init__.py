"""Benchmarks: ratios and medians within one run, printed as one table each. Never part of the tests."""
