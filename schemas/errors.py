"""The one error a user can fix: what is wrong and where, then a hint.

The command line prints a CotkitError without a traceback and exits 1; every other exception is a bug and keeps its traceback.
"""


class CotkitError(Exception):
    """An error that the user can fix.

    `message` says what is wrong and where (`file:line`, an id); `hint` says what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


def unknown_name(what: str, name: str, choices: list[str] | tuple[str, ...]) -> CotkitError:
    """Make the error for a name that is not among `choices`; the hint lists them all.

    >>> print(unknown_name("kind", "maths", ["math", "text"]))
    unknown kind 'maths'
    hint: choose one of: math, text
    """
    return CotkitError(f"unknown {what} {name!r}", f"choose one of: {', '.join(choices)}")
