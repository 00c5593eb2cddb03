"""Evaluation: the same sampling, verification and run folder as everything else, on benchmarks; then numbers one can trust.

benchmarks.py   load a benchmark from the Hub or a file, and hold it against what is known of it
evaluate.py     draw and judge a benchmark's samples in a run folder; judge them again with another verifier
scoring.py      the numbers of a run folder, statistics.py and majority.py their formulas, equivalence.py classes of answers
comparing.py    two evaluations on the same problems; checking.py holds a result file against its samples
"""
