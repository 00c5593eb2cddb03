"""The report's charts as files for papers: SVG, and PNG where `vl-convert` is installed (the extra `plots`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ...data import data_file
from ..run_folder.parquet import replacing, write_text
from .charts import Chart, standalone
from .figures import accuracy_charts, all_charts, pass_at_k_chart
from .numbers import RunNumbers

INSTALL = "pip install 'cotkit[plots]'"
SCALE = 2.5
"""Pixels of a PNG per unit of its chart."""


def write_plots(numbers: Sequence[RunNumbers], folder: Path) -> tuple[list[Path], list[str]]:
    """Write every chart for which there are numbers; gives the files, and notes on what could not be written.

    Charts of several runs go into a folder per run, and those that compare them stand beside.
    """
    charts: dict[str, Chart] = {
        _file_name(chart.key): chart._replace(title=f"Accuracy, {chart.title}") for chart in accuracy_charts(numbers)
    }
    if len(numbers) == 1:
        charts |= {_file_name(chart.key): chart for chart in all_charts(numbers[0])}
    else:
        passing = pass_at_k_chart(numbers)
        charts |= {"pass_at_k": passing} if passing else {}
        for place, each in enumerate(numbers):
            own = f"{place}-{_file_name(each.recipe.name)}"
            charts |= {f"{own}/{_file_name(chart.key)}": chart for chart in all_charts(each)}
    drawn = {folder / f"{name}.svg": standalone(chart, paper_style()) for name, chart in charts.items()}
    for path, svg in drawn.items():
        write_text(svg, path)
    try:
        import vl_convert
    except ImportError:
        return list(drawn), [f"no PNG files: {INSTALL}"]
    images = []
    for path, svg in drawn.items():
        images.append(path.with_suffix(".png"))
        with replacing(images[-1]) as temporary:
            temporary.write_bytes(vl_convert.svg_to_png(svg, scale=SCALE))
    return [*drawn, *images], []


def paper_style() -> str:
    """Give the style of a chart on white: the page's light colours, written out, for not every reader of SVG knows variables."""
    light = data_file("templates", "report.css").read_text(encoding="utf-8").partition("}")[0]
    colors = dict(re.findall(r"--([\w-]+): (#\w+)", light))
    tones = [name for name in colors if re.fullmatch(r"s\d|correct|wrong|other", name)]
    rules = [f".ln.{name},.dt.{name}{{stroke:{colors[name]}}} .fl.{name},.bd.{name},.dt.{name}{{fill:{colors[name]}}}" for name in tones]
    fixed = (
        "text{font:11px 'Helvetica Neue',Arial,'Liberation Sans','DejaVu Sans',sans-serif;fill:#444} .lg,.rl{fill:#222}",
        ".ct{font-size:13px;font-weight:600;fill:#111} .xl,.al{text-anchor:middle} .yl,.rl{text-anchor:end}",
        ".gr{stroke:#e1e3e6;fill:none} .ln{fill:none;stroke-width:1.8;stroke-linejoin:round} .bd{opacity:.16}",
        ".wk{stroke:#5b6470;fill:none} .md{stroke:#fff;stroke-width:2.5;fill:none}",
    )
    return " ".join([*fixed, *rules])


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "run"
