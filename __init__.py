"""cotkit: problems with checkable answers in, long- and short-CoT training data out."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("cotkit")
except PackageNotFoundError:  # run from a source folder that was never installed
    __version__ = "0+unknown"
