"""Constructed reasoning by action prompting: a model takes one small action after another, a second one reflects on them.

forms.py         what each action's reply must hold, and how it is read
machine.py       the state machine: goal tree, which action comes next, the thoughts so far; no model, no file
actions.py       the append-only log of actions, and its Parquet form beside the samples
constructing.py  the step: problems -> samples of a run, each with its actions
"""

from .constructing import Constructed, construct_run, make_construct_run

__all__ = ["Constructed", "construct_run", "make_construct_run"]
