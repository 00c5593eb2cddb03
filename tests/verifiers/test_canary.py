"""No text of a model reaches `eval`, `exec`, `compile` or sympy's string parser: every payload would leave a file, and none does."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import VerifyConfig
from cotkit.schemas.verdict import OUTCOMES
from cotkit.verifiers import VERIFIERS

ROOT = Path(__file__).parents[2]
CALL = "__import__('os').system('touch canary')"
PAYLOADS = [
    CALL,
    f"({CALL})",
    f"[{CALL}]",
    f"1+{CALL}",
    f"{CALL}+1",
    f"x={CALL}",
    f"{CALL}, 2",
    f"{{{CALL}}}",
    f"1 if {CALL} else 2",
    f"lambda: {CALL}",
    f"[{CALL} for x in (1,)]",
    f'S("{CALL}")',
    f'eval("{CALL}")',
    f'exec("{CALL}")',
    f'sympify("{CALL}")',
    f'parse_expr("{CALL}")',
    rf"\text{{{CALL}}}",
    rf"\mathrm{{{CALL}}}",
    rf"\operatorname{{{CALL}}}",
    rf"\frac{{{CALL}}}{{2}}",
    rf"\sqrt{{{CALL}}}",
    rf"2^{{{CALL}}}",
    rf"\sin({CALL})",
    rf"\begin{{pmatrix}}{CALL}\\1\end{{pmatrix}}",
    CALL.replace("_", r"\_"),
    CALL.replace("_", r"\_").replace("'", "\\textquotesingle "),
    CALL.replace("'", '"'),
    CALL.replace("'", "’"),
    "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in CALL),  # fullwidth
    "().__class__.__base__.__subclasses__()[-1].__init__.__globals__['__builtins__']['__import__']('os').system('touch canary')",
    "getattr(__import__('os'),'system')('touch canary')",
    "open('canary','w')",
    "open(chr(99)+'anary','w').close()",
    "3 if open('canary','w') else 3",
    "$(touch canary)",
    "`touch canary`",
    "3; touch canary",
    "cos\nsystem\n(S'touch canary'\ntR.",  # a pickle
]
WRAPPED = ["{}", r"\boxed{{{}}}", "<answer>{}</answer>", "The answer is {}.", "#### {}", "**{}**", "${}$", r"\[{}\]", "```python\n{}\n```"]
GOLDS = {
    "math": "3",
    "number": "3",
    "choice": "A",
    "text": "three",
    "boolean": "True",
    "list": "[1, 2, 3]",
    "game24": "8*3=24",
    "navigation": "stop()",
}

WATCHED = """
import json, sys
heard = []

def hear(event, arguments):
    text = repr(arguments[0]) if arguments else ""
    if event in ("compile", "exec", "os.system", "subprocess.Popen", "open") and "canary" in text.replace("chr(99)+'", "c"):
        heard.append([event, text[:200]])

from math_verify import parse
from cotkit.schemas.problem import Problem
from cotkit.verifiers import verify
parse("$1+1$")  # what math-verify compiles for itself is compiled now
payloads, golds, wrapped = json.loads(sys.stdin.read())
sys.addaudithook(hear)
if sys.argv[1] == "bait":
    from sympy import sympify
    try:
        sympify(payloads[0])
    except Exception:
        pass
else:
    for payload in payloads:
        for kind, gold in golds.items():
            for form in wrapped:
                verify(form.format(payload), Problem.make("?", gold, kind, options=["3", "4"]))
            verify(r"\\boxed{3}", Problem.make(payload, payload, kind, options=[payload, "4"]))
            verify(r"\\boxed{%s}" % payload, Problem.make(payload, payload, kind, options=[payload, "4"]))
print(json.dumps(heard))
"""


def watched(mode, folder):
    stdin = json.dumps([PAYLOADS, GOLDS, WRAPPED])
    command = [sys.executable, "-c", WATCHED, mode]
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True, cwd=folder)
    return json.loads(result.stdout.splitlines()[-1])


def test_the_canary_sings_where_text_is_evaluated(tmp_path):
    assert "compile" in {event for event, _ in watched("bait", tmp_path)}
    assert (tmp_path / "canary").exists()


def test_no_verifier_nor_what_it_calls_compiles_runs_or_opens_what_a_model_wrote(tmp_path):
    assert watched("judge", tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_no_worker_of_the_pool_runs_what_a_model_wrote(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the workers' folder, too
    here = str(tmp_path / "canary")
    payloads = [payload for spelling in PAYLOADS for payload in (spelling, spelling.replace("canary", here))]
    with VerifierPool(VerifyConfig(workers=2)) as pool:
        futures = [
            pool.submit(form.format(payload), Problem.make("?", gold, kind, options=["3", "4"]), "stop")
            for payload in payloads
            for kind, gold in GOLDS.items()
            for form in WRAPPED[:3]
        ]
        futures += [pool.submit(r"\boxed{3}", Problem.make(payload, payload, kind), "stop") for payload in payloads for kind in GOLDS]
        outcomes = {future.result().outcome for future in futures}
    assert set(GOLDS) == set(VERIFIERS)
    assert outcomes <= set(OUTCOMES) - {"crashed"}
    assert list(tmp_path.iterdir()) == []


FORBIDDEN = {"eval", "exec", "compile", "__import__", "sympify", "parse_expr", "S", "lambdify"}
"""As bare names; `re.compile`, `model.eval()`, `value.evalf()` and `ast.literal_eval` are other things."""
FORBIDDEN_ATTRIBUTES = FORBIDDEN - {"compile", "eval"}


def forbidden_names(source):
    """Give the forbidden functions that a module names, calls or imports."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Name):
            names = [node.id]
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_ATTRIBUTES:
            names = [node.attr]
        found += [name for name in names if name in FORBIDDEN]
    return found


@pytest.mark.parametrize(
    "source", ["eval(text)", "from sympy import S", "sympy.sympify(text)", "parse_expr(text)", "builtins.exec(text)", "run = compile"]
)
def test_the_search_for_forbidden_names_finds_them(source):
    assert forbidden_names(source)


@pytest.mark.parametrize("layer", ["schemas", "verifiers", "pipelines", "cli"])
def test_our_code_names_no_function_that_runs_text(layer):
    modules = sorted((ROOT / layer).rglob("*.py"))
    assert modules
    found = {str(path.relative_to(ROOT)): forbidden_names(path.read_text(encoding="utf-8")) for path in modules}
    assert {path: names for path, names in found.items() if names} == {}
