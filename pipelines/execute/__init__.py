"""Where steps run: `stages` maps a step over a run's shards, `pool` judges answers in worker processes that can be killed."""
