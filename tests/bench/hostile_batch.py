"""A batch of 512 rewards with five hostile completions in it, and without: `python tests/bench/hostile_batch.py`.

Both go through the reward function that TRL calls, in one run, on as many workers as there are cores. A deadline is CPU time of a worker,
so seconds of CPU are printed beside those on the wall.
"""

import importlib.util
import resource
import time
from pathlib import Path

from cotkit.pipelines.training.scoring import Scorer
from cotkit.schemas.recipe import VerifyConfig
from cotkit.schemas.training import RlTrainConfig

OWN = Path(__file__).parents[1] / "pipelines" / "execute" / "hostile.py"
SLOWEST = ("determinant", "integral", "absolute values", "bars", "trigonometry of a huge number")
PLACES = (0, 100, 101, 300, 511)


def batch(hostile: bool) -> tuple[list[str], list[str]]:
    spec = importlib.util.spec_from_file_location("hostile", OWN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    attacks = {one.name: one for one in module.hostile_answers()}
    rows = [(rf"So \boxed{{{number + number % 2}}}.", str(number)) for number in range(507)]
    for place, name in zip(PLACES, SLOWEST, strict=True):
        rows.insert(place, (attacks[name].response, attacks[name].gold) if hostile else (r"\boxed{1}", "1"))
    return [text for text, _ in rows], [gold for _, gold in rows]


def main() -> None:
    scorer = Scorer(RlTrainConfig.model_validate({"reward": {"parts": ["classic"]}}))
    scorer.check()
    for hostile in (False, True, False):
        texts, golds = batch(hostile)
        wall, children = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        given = scorer(texts, [[1] * 8] * 512, answer=golds, kind=["math"] * 512)
        wall = time.monotonic() - wall
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        killed = spent.ru_utime + spent.ru_stime - children.ru_utime - children.ru_stime
        others = [value for place, value in enumerate(given) if place not in PLACES]
        right = sum(value == float(number % 2 == 0) for number, value in enumerate(others))
        attacks = [given[place] for place in PLACES] if hostile else []
        name = "five hostile" if hostile else "none hostile"
        print(f"{name}: {wall:.2f} s; CPU of workers that ended {killed:.1f} s; others right {right} of 507")
        if attacks:
            print(f"  rewards of the hostile: {attacks} (None is masked out); deadline {VerifyConfig().deadline_seconds:g} s of CPU each")


if __name__ == "__main__":
    main()
