r"""cotkit and math-verify on labelled cases of public graders' own test suites, case by case in one run: a Markdown table.

    python tests/bench/labelled_cases.py CASES.jsonl [--out OUT.jsonl] [--verl FOLDER]

A case has `id`, `kind`, `gold`, `prediction`, `expected`, `questionable`, and how the two are written: `gold_form` `bare` or `env`
(a text that states the gold answer), `pred_form` `answer` (bare: it is put in a box), `latex` or `response`. Questionable labels
and the 24 game are left out. Kinds that begin with `mcq` are choices, all others mathematics. The graders take turns at each case:
cotkit in a pool of one worker, math-verify on the main thread with its own time-outs, as its README has it; to math-verify a choice is
a string between A and J. FOLDER is where `pip install --no-deps --target FOLDER verl` has put verl, whose two graders that need no
library are then asked, too: `math_dapo`, and `math_reward`, which is Hendrycks' for MATH.
"""

import argparse
import importlib.util
import json
import logging
import warnings
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import VerifyConfig
from cotkit.verifiers.extraction import extract

LETTERS = tuple("ABCDEFGHIJ")


class Said(NamedTuple):
    """What one grader says of one case."""

    correct: bool
    reason: str = ""


class Scores(NamedTuple):
    """How the verdicts of a grader agree with the labels."""

    right: int
    cases: int
    false_accepts: int
    false_rejects: int
    accepts: int
    positives: int

    def cells(self) -> str:
        """Write accuracy, precision, recall and the two kinds of errors as cells of a Markdown table."""
        precision = (self.accepts - self.false_accepts) / self.accepts if self.accepts else 1.0
        recall = (self.positives - self.false_rejects) / self.positives if self.positives else 1.0
        return f"{self.right / self.cases:.3f} | {precision:.3f} | {recall:.3f} | {self.false_accepts} | {self.false_rejects}"


def core_set(path: Path) -> list[dict]:
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [case for case in cases if not case["questionable"] and case["kind"] != "expr24" and case["expected"] is not None]


def response_of(case: dict) -> str:
    return rf"\boxed{{{case['prediction']}}}" if case["pred_form"] == "answer" else case["prediction"]


def problem_of(case: dict) -> Problem:
    gold = case["gold"]
    if case["gold_form"] == "env":
        gold = extract(gold).answer or gold
    return Problem.make("?", gold, "choice" if case["kind"].startswith("mcq") else "math")


def ask_cotkit(pool: VerifierPool, case: dict) -> Said:
    verdict = pool.submit(response_of(case), problem_of(case), "stop").result()
    return Said(verdict.outcome == "correct", f"{verdict.outcome}, {verdict.decided_by or verdict.found_by or 'nothing found'}")


def ask_math_verify(case: dict) -> Said:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, StringExtractionConfig, parse, verify

    configs = [LatexExtractionConfig(), ExprExtractionConfig()]
    gold = case["gold"] if case["gold_form"] == "env" else rf"\boxed{{{case['gold']}}}"
    if case["kind"].startswith("mcq"):
        configs, gold = [StringExtractionConfig(strings=LETTERS, lowercase=False)], case["gold"]
    return Said(verify(parse(gold, extraction_config=configs), parse(response_of(case), extraction_config=configs)))


def verl_graders(folder: Path) -> dict[str, Callable[[dict], Said]]:
    """Load them from their files: the package itself imports Ray and torch."""
    modules = {}
    for name in ("math_dapo", "math_reward"):
        spec = importlib.util.spec_from_file_location(name, folder / "verl" / "utils" / "reward_score" / f"{name}.py")
        assert spec
        assert spec.loader
        modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(modules[name])

    def boxed(case: dict) -> tuple[str, str]:
        """They read boxes alone: without one they get what cotkit extracts, and no dollar signs."""
        text = response_of(case)
        answer = text if "\\boxed{" in text and case["pred_form"] != "answer" else extract(text).answer or ""
        return answer if "\\boxed{" in answer else rf"\boxed{{{answer.strip('$ ')}}}", problem_of(case).answer.strip("$ ")

    def dapo(case: dict) -> Said:
        return Said(bool(modules["math_dapo"].compute_score(*boxed(case))["acc"]))

    def hendrycks(case: dict) -> Said:
        return Said(modules["math_reward"].compute_score(*boxed(case)) == 1)

    return {"verl math_dapo": dapo, "verl math_reward (Hendrycks)": hendrycks}


def scores(cases: list[dict], said: list[Said]) -> Scores:
    pairs = [(case["expected"], answer.correct) for case, answer in zip(cases, said, strict=True)]
    return Scores(
        right=sum(expected == answer for expected, answer in pairs),
        cases=len(pairs),
        false_accepts=sum(answer and not expected for expected, answer in pairs),
        false_rejects=sum(expected and not answer for expected, answer in pairs),
        accepts=sum(answer for _, answer in pairs),
        positives=sum(expected for expected, _ in pairs),
    )


def report(cases: list[dict], said: dict[str, list[Said]]) -> None:
    print(f"{len(cases)} cases\n")
    print("| grader | accuracy | precision | recall | false accepts | false rejects |\n|---|--:|--:|--:|--:|--:|")
    for name, answers in said.items():
        print(f"| {name} | {scores(cases, answers).cells()} |")
    print(f"\n| kind | n | {' | '.join(f'{name} accuracy | accepts | rejects' for name in said)} |")
    print("|---|--:|" + "--:|--:|--:|" * len(said))
    places = defaultdict(list)
    for place, case in enumerate(cases):
        places[case["kind"]].append(place)
    for kind, held in sorted(places.items(), key=lambda item: -len(item[1])):
        found = [scores([cases[place] for place in held], [answers[place] for place in held]) for answers in said.values()]
        cells = " | ".join(f"{score.right / score.cases:.3f} | {score.false_accepts} | {score.false_rejects}" for score in found)
        print(f"| {kind} | {len(held)} | {cells} |")
    print("\n| miss of cotkit | kind | label | gold | prediction | verdict |\n|---|---|---|---|---|---|")
    for case, answer in zip(cases, said["cotkit"], strict=True):
        if answer.correct != case["expected"]:
            label = "right" if case["expected"] else "wrong"
            print(f"| {case['id']} | {case['kind']} | {label} | {_cell(case['gold'])} | {_cell(case['prediction'])} | {answer.reason} |")


def _cell(text: str) -> str:
    """Write the end of a text, where the answer stands, as code in a cell."""
    short = " ".join(text.split()).replace("|", "\\|").replace("`", "'")
    return f"`{short if len(short) <= 60 else '…' + short[-60:]}`"


def main(path: Path, out: Path | None, verl: Path | None) -> None:
    cases = core_set(path)
    with VerifierPool(VerifyConfig(workers=1)) as pool:
        graders = {"cotkit": partial(ask_cotkit, pool), "math-verify": ask_math_verify} | (verl_graders(verl) if verl else {})
        said: dict[str, list[Said]] = {name: [] for name in graders}
        for case in cases:
            for name, ask in graders.items():
                said[name].append(ask(case))
    report(cases, said)
    if out:
        lines = [
            {"id": case["id"], "expected": case["expected"]} | {name: answers[place]._asdict() for name, answers in said.items()}
            for place, case in enumerate(cases)
        ]
        out.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--out", type=Path, help="write the verdicts of both graders here, one line a case")
    parser.add_argument("--verl", type=Path, help="a folder with verl, whose graders are asked as well")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # sympy's, about names that will change
    logging.disable(logging.CRITICAL)  # math-verify logs each time-out
    main(asked.cases, asked.out, asked.verl)
