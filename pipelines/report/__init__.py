"""The report step: one HTML file that works offline, and the tables behind it, which the terminal prints too."""

from .funnel import FunnelRow, funnel
from .page import write_report
from .traces import example_traces

__all__ = ["FunnelRow", "example_traces", "funnel", "write_report"]
