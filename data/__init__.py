"""What ships beside the code: lexicons, recipes, problems, delimiters, templates. `data_file` finds them."""

from importlib.resources import files
from pathlib import Path


def data_file(*parts: str) -> Path:
    """Give the path of a shipped file or folder.

    >>> data_file("recipes", "demo.toml").name
    'demo.toml'
    """
    return Path(str(files(__name__).joinpath(*parts)))
