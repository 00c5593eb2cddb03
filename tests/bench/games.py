"""Hands made, replies verified, steps taken and images drawn per CPU-second of one process.

python tests/bench/games.py [HANDS]        (50,000)
"""

import json
import sys
import time

from cotkit.pipelines.making import make_game24, make_navigation, routes_of
from cotkit.pipelines.making.cards import draw_hand_image
from cotkit.pipelines.making.game24 import LAYOUTS
from cotkit.schemas.making import Game24Config, NavigationConfig
from cotkit.schemas.problem import Problem
from cotkit.verifiers import feedback, verify
from cotkit.verifiers.game24.solver import solved_hands
from cotkit.verifiers.navigation import Navigation


def rate(what, count, started):
    seconds = time.process_time() - started
    print(f"{what:42} {count / seconds:>12,.0f} per CPU-second, {60 * count / seconds:>14,.0f} per CPU-minute")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    started = time.process_time()
    solved_hands(13)
    print(f"all solutions of 1,820 hands: {time.process_time() - started:.2f} CPU-seconds")
    started = time.process_time()
    shown = make_game24(Game24Config(n=count, vision=True))
    rate(f"{count:,} hands made, for images", count, started)
    started = time.process_time()
    make_game24(Game24Config(n=18_000))
    rate("18,000 hands made, in words", 18_000, started)
    problems = [Problem.model_validate(row) for row in make_game24(Game24Config(n=2_000)).iter_rows(named=True)]
    forms = {"JSON": '{{"cards": [], "number": [], "formula": "{}"}}', "boxed": r"So we get \boxed{{{}}}.", "bare": "{}", "wrong": "{}+1"}
    for name, form in forms.items():
        replies = [(form.format(problem.answer.partition("=")[0]), problem) for problem in problems] * 10
        started = time.process_time()
        for reply, problem in replies:
            verify(reply, problem)
        rate(f"replies verified, {name}", len(replies), started)
    started = time.process_time()
    for reply, problem in replies:
        feedback(reply, problem)
    rate("feedback on wrong replies", len(replies), started)
    environments = [Navigation(route, "relative") for route in routes_of(NavigationConfig(n=100))]
    for name, word in (("actions", str), ("JSON", lambda action: json.dumps({"current observation": "x", "action": action}))):
        replies = [[word(decision.action) for decision in environment.decisions] for environment in environments]
        started, steps = time.process_time(), 0
        while steps < 100_000:
            for environment, spoken in zip(environments, replies, strict=True):
                environment.reset()
                for reply in spoken:
                    environment.step(reply)
                steps += len(spoken)
        rate(f"steps of navigation, {name}", steps, started)
    started = time.process_time()
    rate("steps of navigation made as problems", make_navigation(NavigationConfig(n=100)).height, started)
    metas = [json.loads(meta) for meta in shown["meta"].head(200)]
    for layout in LAYOUTS:
        started = time.process_time()
        for meta in metas:
            draw_hand_image(meta["cards"], layout)
        rate(f"images of 1200 x 1200 drawn, {layout}", len(metas), started)


if __name__ == "__main__":
    main()
