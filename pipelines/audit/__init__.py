"""Audit: where gold answers, samples, verifiers and sources contradict one another, as lists with the evidence; nothing is changed.

label_noise            the samples' majority states another answer than the gold one
gold_failures          gold answers that do not verify themselves
method_disagreements   answers that cotkit's verifier and math-verify judge differently
contested_doubles      problems that ask the same and have different gold answers
source_disagreements   samples that their source says are right or wrong, and that are judged otherwise

`silver` has every problem's majority answer beside its gold answer, in a column of its own: it never takes the gold answer's place.
"""

from .audit import Audit, audit_files, audit_run, export_audit

__all__ = ["Audit", "audit_files", "audit_run", "export_audit"]
