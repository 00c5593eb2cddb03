"""The export step: SFT datasets of the kept samples and RL prompt sets of the judged problems, as trainers read them.

    RUN/exports/sft-trl-long/train-00000-of-00003.parquet   sft-messages-long/…   rl-trl/…   rl-verl/…

Reasoning and response are joined here and nowhere before.
"""

from .dataset import Exported
from .rl import export_rl
from .sft import export_sft

__all__ = ["Exported", "export_rl", "export_sft"]
