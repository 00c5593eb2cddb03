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

STEP = 20
GRID = (24, 16)
RANK_AT, SUIT_AT = (0.03, 0.18, 0.02, 0.31), (0.19, 0.34, 0.05, 0.26)
"""Shares of a card's height and width between which its first rank and its first suit stand."""


def cards_in(pixels):
    """Find the cards in an image, whatever its layout, by their white; left to right in each half."""
    white = pixels[..., 2] > 150
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
        if len(cells) < 40:  # the white within a letter
            continue
        (top, left), (bottom, right) = np.min(cells, 0), np.max(cells, 0)
        top, left = max(0, top - 1) * STEP, max(0, left - 1) * STEP
        part = white[top : (bottom + 1) * STEP, left : (right + 1) * STEP]
        ys, xs = (np.flatnonzero(part.mean(axis=axis) > 0.3) for axis in (1, 0))
        found.append((left + xs[0], top + ys[0], left + xs[-1] + 1, top + ys[-1] + 1))
    return [pixels[y:bottom, x:right] for x, y, right, bottom in sorted(found, key=lambda box: (box[1] > 560, box[0]))]


def mark(card, place):
    """Give the shape that stands at a place of a card, brought to one size, with its proportions; and whether it is red."""
    height, width = card.shape[:2]
    top, bottom, left, right = (int(share * side) for share, side in zip(place, (height, height, width, width), strict=True))
    part = card[top:bottom, left:right]
    dark = part[..., 1] < 140
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    tight = dark[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    ys, xs = (np.linspace(0, side - 1, count).round().astype(int) for side, count in zip(tight.shape, GRID, strict=True))
    shape = np.append(tight[np.ix_(ys, xs)].ravel(), [tight.shape[1] / tight.shape[0] * 100]).astype(np.float32)
    ink = part[dark].astype(int)
    return shape, bool((ink[:, 0] - ink[:, 2]).mean() > 60)


@pytest.fixture(scope="module")
def templates():
    drawn = {name: cards_in(np.asarray(draw_hand_image([name], "grid")))[0] for name in NAMES if name[-1] == "S" or name[0] == "7"}
    ranks = {name[:-1]: mark(card, RANK_AT)[0] for name, card in drawn.items() if name.endswith("S")}
    return ranks, {name[-1]: mark(card, SUIT_AT)[0] for name, card in drawn.items() if name.startswith("7")}


def nearest(shape, known):
    """Give the name of the template that differs least."""
    return min(known, key=lambda name: np.abs(shape - known[name]).sum())


@pytest.mark.slow
def test_a_reader_that_matches_templates_recovers_ranks_and_suits_from_500_images(templates):
    dice = random.Random(7)
    ranks, suits = templates
    errors, seen = [], Counter()
    for number in range(500):
        hand, layout = dice.sample(NAMES, 4), LAYOUTS[number % 3]
        read = []
        for card in cards_in(np.asarray(draw_hand_image(hand, layout))):
            suit, is_red = mark(card, SUIT_AT)
            read.append(nearest(mark(card, RANK_AT)[0], ranks) + nearest(suit, suits))
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
