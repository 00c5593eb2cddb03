"""The report is one harmless file: it holds no element or attribute that came from data, and loads nothing."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from cotkit.pipelines.export import export_rl, export_sft
from cotkit.pipelines.report import FunnelRow, funnel, page, write_report
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
        if tag not in ("meta", "br", "rect", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

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
    expected = text.translate(page.CONTROL_PICTURES)
    assert hostile.joined("pre").count(expected) >= 6  # problem, reasoning and response of two traces


def test_it_holds_no_script_and_loads_nothing(make_run: Any) -> None:
    run = make_run()
    export_sft(run, run.recipe.export.sft)
    text = written(run)
    found = Page(text)
    assert {tag for tag, _ in found.elements} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "a",
        "form",
        "audio",
        "video",
    } == set()
    attributes = [(name, value or "") for _, attrs in found.elements for name, value in attrs.items()]
    assert not [
        name for name, _ in attributes if name in ("src", "href", "srcset", "data", "action", "xlink:href") or name.startswith("on")
    ]
    assert not [value for _, value in attributes if "//" in value]
    assert not re.search(r"@import|url\(|//", found.joined("style"))
    assert any(attrs.get("content") == "default-src 'none'; style-src 'unsafe-inline'" for tag, attrs in found.elements if tag == "meta")


def test_a_long_text_loses_its_middle_and_says_so(make_run: Any) -> None:
    text = "a" * 20_000 + "b" * 20_000
    shown = page.shown_text(text)
    assert shown.startswith("a" * 12_000 + "\n")
    assert shown.endswith("\n" + "b" * 12_000)
    assert "16,000 characters left out" in shown


STAGES = [
    pytest.param((), ["Funnel"], id="nothing"),
    pytest.param(("samples",), ["Funnel", "Traces"], id="sampled"),
    pytest.param(("samples", "verdicts"), ["Funnel", "Outcomes", "Pass rates", "Length by outcome", "Traces"], id="verified"),
    pytest.param(
        ("samples", "verdicts", "tags"), ["Funnel", "Outcomes", "Pass rates", "Length by outcome", "Behaviours", "Traces"], id="tagged"
    ),
    pytest.param(("samples", "tags"), ["Funnel", "Traces"], id="tagged-only"),
    pytest.param(
        ("samples", "verdicts", "tags", "decisions"),
        ["Funnel", "Outcomes", "Why samples were dropped", "Pass rates", "Length by outcome", "Behaviours", "Traces"],
        id="curated",
    ),
]


@pytest.mark.parametrize(("stages", "headings"), STAGES)
def test_it_shows_the_stages_that_are_there_and_names_the_rest(make_run: Any, stages: tuple[str, ...], headings: list[str]) -> None:
    found = Page(written(make_run(stages=stages)))
    assert [text for tag, text in found.texts if tag == "h2"] == [*headings, "Settings"]
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
    assert len(hidden) == written(run).count('class="dots" aria-hidden="true"')


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
