"""Import from files and datasets: problems with checkable answers, and samples that were drawn elsewhere.

Columns are guessed, golds made bare, reasoning told from the response; what cannot be used is given back with its reason.
"""

from .problems import ImportedProblems, import_problems
from .samples import ImportedSamples, import_samples, problems_of

__all__ = ["ImportedProblems", "ImportedSamples", "import_problems", "import_samples", "problems_of"]
