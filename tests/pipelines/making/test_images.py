"""The pixels carry the task: a reader that matches templates recovers ranks and suits from 500 images; and views show what is there."""

import json
import random
from collections import Counter

import numpy as np
import polars as pl
import pytest
from cotkit.pipelines.making import draw_images, make_game24, make_navigation
from cotkit.pipelines.making.cards import CLOTH, boxes, draw_hand_image
from cotkit.pipelines.making.game24 import LAYOUTS, NAMES
from cotkit.schemas.making import Game24Config, NavigationConfig

Image = pytest.importorskip("PIL.Image")

FRAME = (200, 280)
RANK_AT, SUIT_AT = (slice(5, 55), slice(4, 60)), (slice(57, 92), slice(14, 48))
STEP = 20


def cards_in(image):
    """Find the cards in an image, whatever its layout, by their white; left to right, top to bottom."""
    white = (np.asarray(image.convert("L")) > 200) & (np.asarray(image)[..., 1] > 150)
    coarse = white[::STEP, ::STEP].copy()
    found = []
    while coarse.any():
        cells = [tuple(np.argwhere(coarse)[0])]
        coarse[cells[0]] = False
        for row, column in cells:  # grows while it is walked
            for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if 0 <= near[0] < coarse.shape[0] and 0 <= near[1] < coarse.shape[1] and coarse[near]:
                    coarse[near] = False
                    cells.append(near)
        rows, columns = zip(*cells, strict=True)
        if len(cells) < 20:  # a counter of a letter
            continue
        top, left = (max(0, (min(side) - 1) * STEP) for side in (rows, columns))
        part = white[top : (max(rows) + 2) * STEP, left : (max(columns) + 2) * STEP]
        ys, xs = (np.flatnonzero(part.mean(axis=axis) > 0.3) for axis in (1, 0))
        found.append((left + xs[0], top + ys[0], left + xs[-1] + 1, top + ys[-1] + 1))
    return [image.crop(box) for box in sorted(found, key=lambda box: (box[1] > 560, box[0]))]


def marks(card):
    """Give the dark pixels of a card's rank and of its suit, and whether they are red."""
    pixels = np.asarray(card.resize(FRAME)).astype(np.int16)
    dark = pixels[..., 1] < 140
    ink = pixels[SUIT_AT][dark[SUIT_AT]]
    return dark[RANK_AT].astype(np.int8), dark[SUIT_AT].astype(np.int8), bool((ink[:, 0] - ink[:, 2]).mean() > 60)


@pytest.fixture(scope="module")
def templates():
    drawn = {name: marks(cards_in(draw_hand_image([name], "grid"))[0]) for name in NAMES}
    ranks = {name[:-1]: drawn[name][0] for name in NAMES if name.endswith("S")}
    return ranks, {name[-1]: drawn[name][1] for name in NAMES if name.startswith("7")}


def nearest(seen, known):
    """Give the name of the template that differs in the fewest pixels, shifted by up to two pixels."""

    def difference(template):
        shifts = [(right, down) for right in range(-2, 3) for down in range(-2, 3)]
        return min(np.abs(seen - np.roll(template, shift, (1, 0))).sum() for shift in shifts)

    return min(known, key=lambda name: difference(known[name]))


def test_a_reader_that_matches_templates_recovers_ranks_and_suits_from_500_images(templates):
    dice = random.Random(7)
    ranks, suits = templates
    errors, seen = [], Counter()
    for number in range(500):
        hand, layout = dice.sample(NAMES, 4), LAYOUTS[number % 3]
        read = []
        for card in cards_in(draw_hand_image(hand, layout)):
            rank, suit, is_red = marks(card)
            read.append(nearest(rank, ranks) + nearest(suit, suits))
            assert is_red == (read[-1][-1] in "HD")
        seen.update(hand)
        if read != hand and (layout != "scattered" or sorted(read) != sorted(hand)):
            errors.append((layout, hand, read))
    assert errors == []
    assert len(seen) == 52


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cards_lie_within_the_image_and_on_no_other_card(layout):
    dice = random.Random(1)
    for _ in range(200):
        placed = [(left, top, left + width, top + width * 14 // 10) for left, top, width in boxes(dice.sample(NAMES, 4), layout)]
        assert all(0 <= left < right <= 1200 and 0 <= top < bottom <= 1200 for left, top, right, bottom in placed)
        for place, (left, top, right, bottom) in enumerate(placed):
            for other in placed[:place]:
                assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_an_image_is_what_the_problem_says_and_is_drawn_once(tmp_path):
    problems = make_game24(Game24Config(n=4, vision=True, suits="red", layout="any"))
    assert draw_images(problems, tmp_path / "p.parquet") == 4
    for meta in map(json.loads, problems["meta"]):
        image = Image.open(tmp_path / meta["image"])
        assert image.size == (1200, 1200)
        assert image.getpixel((0, 0)) == CLOTH
        assert image.tobytes() == draw_hand_image(meta["cards"], meta["layout"]).tobytes()
    assert draw_images(problems, tmp_path / "p.parquet") == 0
    (tmp_path / json.loads(problems["meta"][0])["image"]).unlink()
    assert draw_images(problems, tmp_path / "p.parquet") == 1


def test_views_show_landmarks_on_their_side_and_nothing_of_the_answer(tmp_path):
    problems = make_navigation(NavigationConfig(n=3, vision=True, city="farholm"))
    assert draw_images(problems.head(12), tmp_path / "p.parquet") == 12
    metas = [json.loads(meta) for meta in problems["meta"]]
    assert len({meta["image"] for meta in metas}) == len(metas)
    sign = np.array((250, 250, 240))
    for meta in metas[:12]:
        pixels = np.asarray(Image.open(tmp_path / meta["image"]))
        assert pixels.shape == (805, 805, 3)
        views = {"ahead": pixels[:400, :400], "right": pixels[:400, 405:], "behind": pixels[405:, :400], "left": pixels[405:, 405:]}
        shown = {name for name, view in views.items() if (view == sign).all(axis=2).sum() > 500}
        expected = {name for side in meta["sides"] for name in views if name in side}
        assert shown == expected
    prompts = problems.filter(pl.col("meta").str.contains("images/"))["prompt"]
    assert all(prompt.count("![four views](images/") == 1 for prompt in prompts)
