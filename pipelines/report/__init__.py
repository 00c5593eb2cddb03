"""The report: one HTML file that works offline, with an overview and a viewer of traces; the same numbers and charts as files.

numbers.py   all numbers of a run            tables.py, accuracy.py, training.py, contamination.py, funnel.py count them
page.py      the page                        charts.py and figures.py draw, archive.py packs the traces, marks.py finds what to mark
plots.py     charts as SVG and PNG           written.py tables for terminal and Markdown
"""

from .funnel import FunnelRow, funnel
from .numbers import RunNumbers, as_json, run_numbers
from .page import write_report
from .plots import write_plots
from .traces import Wanted, example_traces, viewer_traces
from .written import markdown, tables_of

__all__ = [
    "FunnelRow",
    "RunNumbers",
    "Wanted",
    "as_json",
    "example_traces",
    "funnel",
    "markdown",
    "run_numbers",
    "tables_of",
    "viewer_traces",
    "write_plots",
    "write_report",
]
