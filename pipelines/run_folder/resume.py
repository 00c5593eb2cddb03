"""The words of `--resume`, on their own so that the command line can name them without loading a run."""

from typing import Literal

Resume = Literal["if-possible", "continue-truncated", "always", "never"]
"""`if-possible`: go on with a run that has the same problems and sampling settings. `continue-truncated`: also with a larger
`max_tokens`. `always`: also add samples drawn with other settings, or problems. `never`: want a new folder."""
