"""The export step: SFT datasets of the kept samples and RL prompt sets of the judged problems, as trainers read them.

    RUN/exports/sft-trl-long/train-00000-of-00003.parquet   sft-messages-long/…   rl-trl/…   rl-verl/…

Reasoning and response are joined here and nowhere before.

formats.py, shaping.py          what a row of each SFT format looks like; rl_formats.py for RL
readings.py                     the text that each trainer makes of a row, and the part it trains on
conversation.py, examine.py, proof.py, verdicts.py      the proof of a row in a student's chat template
sft.py, sft_dataset.py, lines.py, launch.py             the datasets and their side files
checking.py, foreign.py         the same proof for anybody's dataset
"""

from .dataset import Exported
from .rl import export_rl
from .sft import export_sft

__all__ = ["Exported", "export_rl", "export_sft"]
