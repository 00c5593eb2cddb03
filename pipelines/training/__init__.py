"""Thin trainers: cotkit's recipe, data, reward and read-out around TRL's SFTTrainer, GRPOTrainer and RLOOTrainer.

    OUT/ training.toml  curves.jsonl  checkpoint-50/ …  model/

Training goes on from the last checkpoint when the same command is run again; `curves.jsonl` has a line for every logged step.
"""

from .rl import train_rl
from .sft import train_sft
from .start import Trained

__all__ = ["Trained", "train_rl", "train_sft"]
