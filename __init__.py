"""cotkit: problems with checkable answers in, long- and short-CoT training data out."""

TYPE_CHECKING = False  # typing's own costs milliseconds that `cotkit --help` counts
if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> str:
    """Look the version up when it is asked for: importlib.metadata takes a sixth of the time of `cotkit --help`."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("cotkit")
    except PackageNotFoundError:  # run from a source folder that was never installed
        return "0+unknown"
