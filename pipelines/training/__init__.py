"""Thin trainers: cotkit's recipe, data, reward and read-out around TRL's trainers, and around verl and OpenRLHF.

    OUT/ training.toml  recipe.toml  curves.jsonl  checkpoint-50/ …  model/

Training goes on from the last checkpoint when the same command is run again; `curves.jsonl` has a line for every logged step.
"""

from .engines import Prepared, launch, prepare
from .outputs import default_folder
from .rl import train_rl
from .sft import train_sft
from .start import Trained

__all__ = ["Prepared", "Trained", "default_folder", "launch", "prepare", "train_rl", "train_sft"]
