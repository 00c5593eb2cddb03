import json
import time
from collections import Counter
from itertools import permutations

import polars as pl
import pytest
from cotkit.pipelines.making import make_game24
from cotkit.pipelines.making.game24 import NAMES, count_hands, rules_of
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.making import Game24Config
from cotkit.schemas.problem import Problem
from cotkit.verifiers import verify
from cotkit.verifiers.game24.solver import solutions

FACES = {"ten": {"J": 10, "Q": 10, "K": 10}, "eleven_twelve_thirteen": {"J": 11, "Q": 12, "K": 13}}


def made(**settings):
    """Give the problems and their metas."""
    frame = make_game24(Game24Config.model_validate({"n": 300} | settings))
    return frame, [json.loads(meta) for meta in frame["meta"]]


def values_of(meta):
    counts = FACES[meta["faces"]] | {"A": 1}
    return [counts.get(card[:-1]) or int(card[:-1]) for card in meta["cards"]]


@pytest.mark.parametrize("faces", FACES)
@pytest.mark.parametrize("vision", [False, True], ids=["text", "image"])
def test_every_hand_is_solvable_and_its_gold_is_a_solution_of_it(faces, vision):
    frame, metas = made(faces=faces, vision=vision)
    assert frame.schema == Problem.polars_schema()
    assert frame["problem_id"].n_unique() == 300
    for row, meta in zip(frame.iter_rows(named=True), metas, strict=True):
        problem = Problem.model_validate(row)
        assert problem.problem_id == Problem.make(problem.prompt, problem.answer, "game24").problem_id
        assert values_of(meta) == meta["numbers"]
        assert problem.answer.removesuffix("=24") in solutions(tuple(meta["numbers"]))
        assert meta["solutions"] == len(solutions(tuple(meta["numbers"])))
        assert verify(problem.answer, problem).outcome == "correct"


def test_the_prompt_tells_the_rule_and_the_cards_or_shows_them():
    frame, metas = made(n=20)
    for prompt, meta in zip(frame["prompt"], metas, strict=True):
        assert f"Cards: {', '.join(card[:-1] for card in meta['cards'])}\n" in prompt
        assert "J, Q and K count 10 each" in prompt
        assert [prompt.count(section) for section in ("[Task Description]", "[Input]", "[Output]")] == [1, 1, 1]
    assert json.loads(prompt[prompt.index("{") : prompt.rindex("}") + 1])["formula"].endswith("=24")  # strict JSON
    frame, metas = made(n=20, vision=True, faces="eleven_twelve_thirteen", target=10)
    for prompt, meta in zip(frame["prompt"], metas, strict=True):
        assert f"![the cards]({meta['image']})" in prompt
        assert "Cards:" not in prompt
        assert "K counts 13" in prompt
        assert "ends in =10" in prompt


def test_hands_of_the_other_rule_hold_a_face_card():
    for settings in ({}, {"with_replacement": True}):
        _, metas = made(faces="eleven_twelve_thirteen", **settings)
        assert all({"J", "Q", "K"} & {card[:-1] for card in meta["cards"]} for meta in metas)
    _, metas = made()
    assert any({"J", "Q", "K"} & {card[:-1] for card in meta["cards"]} for meta in metas)


@pytest.mark.parametrize(("suits", "letters"), [("black", {"S", "C"}), ("red", {"H", "D"}), ("mixed", {"S", "H", "D", "C"})])
def test_a_hand_is_one_that_its_deck_holds(suits, letters):
    _, metas = made(suits=suits, vision=True)
    assert {card[-1] for meta in metas for card in meta["cards"]} == letters
    assert max(Counter(meta["cards"]).most_common(1)[0][1] for meta in metas) == 1
    _, metas = made(suits=suits, vision=True, with_replacement=True, n=1000)
    assert max(Counter(meta["cards"]).most_common(1)[0][1] for meta in metas) > 1


@pytest.mark.parametrize("faces", FACES)
def test_train_and_test_share_no_hand_whatever_their_seeds(faces):
    parts = {
        part: {tuple(sorted(meta["numbers"])) for seed in range(3) for meta in made(faces=faces, split=part, seed=seed, test_share=0.2)[1]}
        for part in ("train", "test")
    }
    assert not parts["train"] & parts["test"]
    assert 0.1 < len(parts["test"]) / (len(parts["test"]) + len(parts["train"])) < 0.3


def test_the_hands_of_the_other_rule_are_in_no_part_of_the_first():
    first = {tuple(sorted(meta["numbers"])) for meta in made(n=5000)[1]}
    other = {tuple(sorted(meta["numbers"])) for meta in made(n=5000, faces="eleven_twelve_thirteen")[1]}
    assert not first & other


def test_the_same_seed_gives_the_same_hands_and_another_one_others():
    assert made(seed=4)[0].equals(made(seed=4)[0])
    assert not made(seed=4)[0].equals(made(seed=5)[0])


def test_as_many_hands_are_there_as_are_counted_and_one_more_is_an_error():
    config = Game24Config(n=1, cards=2, target=10)
    there = count_hands(config, rules_of(config))
    frame, _ = made(cards=2, target=10, n=there)
    assert frame.height == there == 19
    with pytest.raises(CotkitError, match=f"{there} different ones") as raised:
        made(cards=2, target=10, n=there + 1)
    assert f"--n to {there}" in raised.value.hint
    with pytest.raises(CotkitError, match="0 different ones"):
        made(cards=2, target=9999, n=1)


def test_hands_with_suits_are_counted_as_by_trying_them_all():
    config = Game24Config(n=1, cards=2, target=10, suits="red", vision=True)
    rules = rules_of(config)
    red = [card for card in range(52) if NAMES[card][-1] in "HD"]
    tried = [hand for hand in permutations(red, 2) if tuple(sorted(rules.values[card >> 2] for card in hand)) in rules.solutions]
    assert count_hands(config, rules) == len(tried) == 74


def test_other_targets_and_fewer_cards_are_made():
    frame, metas = made(target=10, cards=3, n=50)
    assert all(len(meta["cards"]) == 3 for meta in metas)
    assert frame["answer"].str.ends_with("=10").all()
    assert frame.filter(pl.col("prompt").str.contains("master of the 10 game")).height == 50


def test_hands_are_made_at_the_order_of_a_million_per_minute():
    made(n=10)
    started = time.process_time()
    made(n=5_000, vision=True)
    assert 5_000 / (time.process_time() - started) > 4_000  # 16,667 are a million per minute: see docs/results.md
