"""The plan step: what a recipe would cost and give, said before it is paid for, from a small pilot or from assumptions.

    made = plan_recipe(recipe, problems, PilotSize(50, 4), Path("runs/pilot"))
    made = assume_plan(recipe, problems, Assumptions(tokens_mean=3000))

The statistics are in four parts: `rates` (how often problems are solved), `lengths` (how long responses are), `replay` (the
adaptive mode, with the allocation that sampling uses) and `forecast`, which puts them together.
"""

from .assumptions import Assumptions
from .forecast import Estimate, Forecast
from .plan import Plan, assume_plan, plan_recipe

__all__ = ["Assumptions", "Estimate", "Forecast", "Plan", "assume_plan", "plan_recipe"]
