"""A verifier that misbehaves as its input says, for the tests of the pool and its workers."""

import textwrap

import pytest

MISBEHAVING = """
    import json, os, sys, time
    from cotkit.schemas.verdict import Verdict

    def judge(response, problem, finish_reason):
        if response == "spin":
            while True: pass
        if response == "sleep": time.sleep(600)
        if response == "nap": time.sleep(1.5)
        if response == "hoard": return [bytearray(2**28) for _ in range(100)]
        if response == "raise": raise LookupError("no")
        if response == "recurse": return judge.__globals__["judge"](response, problem, finish_reason)
        if response == "exit": os._exit(3)
        if response == "print": print("noise"); os.write(1, b"more noise\\n"); sys.stdin.read()
        if response == "modules": return Verdict(outcome="correct", answer=" ".join(sys.modules))
        if response == "limits":
            import resource
            return Verdict(outcome="correct", answer=json.dumps([resource.getrlimit(resource.RLIMIT_CPU)[0], time.process_time()]))
        if response == "import":
            import mpmath
            return Verdict(outcome="correct", answer=mpmath.libmp.BACKEND)
        if response.startswith("clock "):
            started = time.process_time()
            with open(response[6:], "w") as file:
                while True:
                    file.seek(0)
                    file.write(f"{time.process_time() - started:.6f}")
                    file.flush()
        if response == "pid": return Verdict(outcome="correct", answer=str(os.getpid()))
        return Verdict(outcome="correct", answer=response)
"""


@pytest.fixture
def misbehaving(tmp_path, monkeypatch):
    (tmp_path / "misbehaving.py").write_text(textwrap.dedent(MISBEHAVING))
    monkeypatch.syspath_prepend(tmp_path)
    return "misbehaving:judge"
