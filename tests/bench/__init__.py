"""`make bench`: ratios and counts, one JSON on standard output. Not part of the tests."""
