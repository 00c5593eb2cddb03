"""Silver data: checkable problems from pairs of a question and a free-form solution, such as WebInstruct's.

    pairs.py       the source's rows -> questions with solutions, near duplicates out
    extraction.py  a model reads the short answer out of each solution, or says that there is none
    making.py      the answers become problems; a teacher responds; those it agrees with are kept; the funnel

Source of the set-up: arXiv 2502.03373, §5.2 (extraction, two responses of a teacher, keep if one agrees). The prompt is ours.
"""

from .making import Funnel, make_silver

__all__ = ["Funnel", "make_silver"]
