"""The Hugging Face Hub: a run as one dataset with three configs, its card, and the push.

folder.py       build the dataset folder: `default` (trainable.py), `all_generations` (generations.py), `rl` (rl_prompts.py)
card.py         the card, with metadata.py (YAML), columns.py, licence.py, plots.py, evidence.py (decontamination)
provenance.py   versions, fingerprints, counts and hashes
public.py       what of recipe and teachers may be told
push.py         the folder's files to a repo, in few commits that can be resumed; live.py keeps a note while a run is going
fetch.py        the recipe and problems of a pushed dataset, to run it again
"""

from .card import CardOptions
from .folder import CONFIGS, Built, build_dataset

__all__ = ["CONFIGS", "Built", "CardOptions", "build_dataset"]
