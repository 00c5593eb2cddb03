"""The order of the prompts in RL, which a resumed training must find again.

TRL 1.16 draws every pass's order from one generator, which no checkpoint holds: a training that goes on in its second pass would skip the
prompts that stood first in the order of the first, and train on others again.
"""

from __future__ import annotations

from functools import partial
from typing import Any


def resumable_order(trainer: type) -> type:
    """Make a subclass of TRL's GRPOTrainer or RLOOTrainer, in which the order of a pass depends on the seed and the pass alone."""

    class ResumableTrainer(trainer):
        """Shuffles each pass by its number, which the trainer tells its sampler at the start of a pass, resumed or not."""

        def _get_train_sampler(self, dataset: Any = None) -> Any:
            sampler = super()._get_train_sampler(dataset)
            if sampler.shuffle:
                sampler.set_epoch = partial(_shuffle, sampler, self.args.seed)
            return sampler

    return ResumableTrainer


def _shuffle(sampler: Any, seed: int, epoch: int) -> None:
    sampler.generator.manual_seed(seed + epoch)
