"""The making step: problem sets of the games, with their right answers, from a seed.

    problems = make_game24(Game24Config(n=1000))
    problems = make_navigation(NavigationConfig(city="belmora", space="relative"))
    draw_images(problems, Path("problems.parquet"))

A problem set is a frame with the columns of `Problem`, as `cotkit problems import` gives it.
"""

from .drawing import draw_images
from .game24 import make_game24
from .navigation import make_navigation, routes_of

__all__ = ["draw_images", "make_game24", "make_navigation", "routes_of"]
