"""The report is one harmless file: it holds no element or attribute that came from data, runs no script but its own, and loads nothing."""

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from typing import Any

import pytest
from cotkit.pipelines.export import export_rl, export_sft
from cotkit.pipelines.report import FunnelRow, funnel, page, write_report
from cotkit.pipelines.report.text import CONTROL_PICTURES, shown_text
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import ExportConfig, Recipe, SampleConfig

HOSTILE = [
    pytest.param("<script>alert(1)</script>", id="script"),
    pytest.param("</pre></script><script src=//evil.example/x.js></script>", id="closing-first"),
    pytest.param('" onmouseover="alert(1)" x="', id="attribute"),
    pytest.param("' style='background:url(https://evil.example/a.png)", id="single-quotes"),
    pytest.param("<img src=https://evil.example/a.png onerror=alert(1)>", id="image"),
    pytest.param("</style><style>@import 'https://evil.example/a.css';</style>", id="style"),
    pytest.param("<!-- <svg><![CDATA[ ]]> -->&lt;b&gt;&amp;", id="comment-and-entities"),
    pytest.param("{{ 7 * 7 }}{% raw %}{# x #}", id="template-code"),
    pytest.param("a\x00b\x1b[31m\x7f\x0c", id="control-characters"),
    pytest.param("\u202eright to left\ufeff\U0001f600", id="directions"),
]


class Page(HTMLParser):
    """Collects elements, attributes, and text per element."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "input", "rect", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def archive(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Unpack the index, and the texts of all traces in its order."""
        packed = [text for where, text in self.texts if where == "script" and re.fullmatch(r"[A-Za-z0-9+/=]+", text.strip())]
        index, *blocks = [json.loads(zlib.decompress(base64.b64decode(text), -15)) for text in packed]
        return index, [blocks[trace["block"]][trace["at"]] for trace in index["traces"]]

    def joined(self, tag: str) -> str:
        return "".join(text for where, text in self.texts if where == tag)


def shape(page: Page) -> list[tuple[str, list[str]]]:
    return [(tag, sorted(attributes)) for tag, attributes in page.elements]


def written(run: RunFolder) -> str:
    path = write_report(run)
    assert path == run.path / "report.html"
    return path.read_text(encoding="utf-8")


def small(make_run: Any, text: str, name: str) -> RunFolder:
    """A run whose every free text is `text`, as far as the schemas allow it."""
    fields = {"reasoning": text, "response": text, "answer": text, "found_by": text, "decided_by": text, "error": text, "teacher": text}
    fields |= {"outcome": "wrong", "finish_reason": "stop", "kept": False, "reason": text, "completion_tokens": 100}
    fields["behaviours"] = [{"lexicon": text, "behaviour": text, "count": 1, "per_1000_tokens": 1.0, "first_position": 0.0}]
    recipe = Recipe(name=text, description=text, sample=SampleConfig(n=1, system_prompt=text))
    problems = [Problem.make(text, text, "text"), Problem.make(f"{text}?", text, "text")]
    return make_run(name=name, recipe=recipe, problems=problems, shards=1, samples={(0, 0): fields, (1, 0): fields})


@pytest.mark.parametrize("text", HOSTILE)
def test_no_element_and_no_attribute_comes_from_data(make_run: Any, text: str) -> None:
    harmless, hostile = (Page(written(small(make_run, said, name))) for said, name in (("plain", "plain"), (text, "hostile")))
    assert shape(hostile) == shape(harmless)
    assert hostile.open == []
    expected = text.translate(CONTROL_PICTURES)
    index, texts = hostile.archive()
    assert [entry["texts"] for entry in texts] == [[expected, expected]] * 2
    assert {index["traces"][0][name] for name in ("answer", "found_by", "decided_by", "reason", "error")} == {expected}
    assert (index["problems"][0]["prompt"], index["problems"][0]["gold"]) == (expected, expected)


def test_only_its_own_scripts_may_run_and_nothing_is_loaded(make_run: Any) -> None:
    run = make_run()
    export_sft(run, run.recipe.export.sft)
    text = written(run)
    found = Page(text)
    tags = {tag for tag, _ in found.elements}
    assert tags & {"link", "img", "iframe", "object", "embed", "base", "audio", "video", "source", "use", "image"} == set()
    attributes = [(name, value or "") for _, attrs in found.elements for name, value in attrs.items()]
    assert not [name for name, _ in attributes if name in ("src", "srcset", "data", "action", "xlink:href") or name.startswith("on")]
    assert all(value.startswith("#") for name, value in attributes if name == "href")
    assert not [value for name, value in attributes if "//" in value]
    assert re.findall(r"@import|https?:", found.joined("style")) == []
    assert re.findall(r"url\((?!data:font/woff2)", found.joined("style")) == []
    (policy,) = [attrs["content"] for tag, attrs in found.elements if tag == "meta" and attrs.get("http-equiv")]
    hashes = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in codes(text)]
    assert len(hashes) == 2  # the viewer, and KaTeX
    assert policy is not None
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed.pop("script-src").split() == [f"'sha256-{digest}'" for digest in reversed(hashes)]
    nothing = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}
    assert allowed == nothing | {"style-src": "'unsafe-inline'", "font-src": "data:"}


def codes(text: str) -> list[str]:
    """Give the scripts that have no type."""
    return re.findall(r"<script>(.*?)</script>", text, re.DOTALL)


def test_katex_and_its_licence_come_only_with_formulae(make_run: Any) -> None:
    plain = {(0, 0): {"reasoning": "3 and 4 make 7", "response": "7"}}
    one = [Problem.make("What is 3 + 4?", "7", "number")]
    without = written(make_run(name="plain", recipe=Recipe(sample=SampleConfig(n=1)), problems=one, samples=plain))
    assert len(codes(without)) == 1
    assert len(without) < 120_000
    plain[0, 0]["response"] = "It is $7$."
    with_math = written(make_run(name="math", recipe=Recipe(sample=SampleConfig(n=1)), problems=one, samples=plain))
    katex, own = codes(with_math)
    assert "Permission is hereby granted" in katex
    assert "innerHTML" not in own
    assert len(with_math) < 750_000


def test_a_long_text_loses_its_middle_and_says_so(make_run: Any) -> None:
    shown = shown_text("a" * 20_000 + "b" * 20_000, 24_000)
    assert shown.startswith("a" * 12_000 + "\n")
    assert shown.endswith("\n" + "b" * 12_000)
    assert "16,000 characters left out" in shown
    assert shown_text("a" * 1_000_000) == "a" * 1_000_000


JUDGED = ["Funnel", "Outcomes", "Tokens spent", "Pass rates", "pass@k", "Length by outcome"]
TAGGED = [*JUDGED, "Behaviours", "Where behaviours happen"]
STAGES = [
    pytest.param((), ["Funnel"], id="nothing"),
    pytest.param(("samples",), ["Funnel"], id="sampled"),
    pytest.param(("samples", "verdicts"), JUDGED, id="verified"),
    pytest.param(("samples", "verdicts", "tags"), TAGGED, id="tagged"),
    pytest.param(("samples", "tags"), ["Funnel", "Behaviours", "Where behaviours happen"], id="tagged-only"),
    pytest.param(("samples", "verdicts", "tags", "decisions"), [*TAGGED[:2], "Why samples were dropped", *TAGGED[2:]], id="curated"),
]


@pytest.mark.parametrize(("stages", "headings"), STAGES)
def test_it_shows_the_stages_that_are_there_and_names_the_rest(make_run: Any, stages: tuple[str, ...], headings: list[str]) -> None:
    found = Page(written(make_run(stages=stages)))
    assert [text for tag, text in found.texts if tag == "h2"] == [*headings, "Settings", "Keys"]
    missing = [verb for stage, verb in (("verdicts", "verify"), ("tags", "tag"), ("decisions", "curate")) if stage not in stages]
    assert re.findall(r"cotkit (\w+) /", found.joined("code")) == missing


def test_a_stage_that_is_only_begun_is_named_as_missing(make_run: Any) -> None:
    run = make_run(shards=2)
    run.shard_path("decisions", 1).unlink()
    found = Page(written(run))
    assert "cotkit curate" in found.joined("code")
    assert "Why samples were dropped" not in found.joined("h2")


def test_an_export_older_than_its_decisions_is_said_to_be_stale(make_run: Any) -> None:
    run = make_run()
    export_sft(run, run.recipe.export.sft)
    assert page.stale_exports(run) == []
    run.write("decisions", 0, run.read("decisions", 0), "again")
    assert page.stale_exports(run) == ["sft-messages-long", "sft-messages-short", "sft-trl-long", "sft-trl-short"]
    assert "cotkit export" in written(run)


def test_exports_of_json_lines_are_counted_and_go_stale_too(make_run: Any) -> None:
    run = make_run()
    made = export_sft(run, run.recipe.export.sft.model_copy(update={"formats": ["llamafactory"]}))
    (lines,) = [item for item in made if item.split == "long"]
    assert lines.rows > 0
    assert FunnelRow("sft-llamafactory-long", "rows", lines.rows, None) in funnel(run)
    assert page.stale_exports(run) == []
    run.write("decisions", 0, run.read("decisions", 0), "again")
    assert "sft-llamafactory-long" in page.stale_exports(run)


def test_every_graphic_has_a_name(make_run: Any) -> None:
    run = make_run()
    export_rl(run, run.recipe.export.rl)
    graphics = [attributes for tag, attributes in Page(written(run)).elements if tag == "svg"]
    assert len(graphics) > 20
    hidden = [attributes for attributes in graphics if "aria-label" not in attributes]
    assert len(hidden) == written(run).count('class="dots" aria-hidden="true"') > 0


def test_the_same_run_gives_the_same_report(make_run: Any) -> None:
    run = make_run()
    assert written(run) == written(run)


def test_settings_that_differ_from_the_defaults_are_listed(make_run: Any) -> None:
    recipe = Recipe(sample=SampleConfig(n=3, temperature=0.6), export=ExportConfig())
    assert page.changed_settings(recipe) == [("sample.n", "3"), ("sample.temperature", "0.6")]
    assert "sample.temperature" in Page(written(make_run(recipe=recipe))).joined("dt")


def test_the_length_axis_holds_every_value_between_its_ends(make_run: Any) -> None:
    from cotkit.pipelines.report.tables import OutcomeRow

    axis = page.LengthAxis([OutcomeRow("correct", 3, 10, (0.0, 1.0, 50.0, 700.0, 8192.0))])
    places = [axis.at(tokens) for tokens in (0, 1, 50, 700, 8192)]
    assert places == sorted(places)
    assert places[0] == 0.0
    assert places[-1] < 1000
    assert axis.ticks() == [1, 10, 100, 1000]
    assert page.LengthAxis([]).at(5) >= 0
