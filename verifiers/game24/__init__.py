"""The game of 24, as in GeneralPoints: cards, formulas, an exact solver, and the verifier with its rewards and feedback.

    from cotkit.verifiers import verify

    verify('{"formula": "8/(3-8/3)=24"}', gold="8/(3-8/3)", kind="game24").outcome == "correct"

Source of the rules: "SFT Memorizes, RL Generalizes" (arXiv 2501.17161), section 4.1 and appendix A.
"""

from .judging import feedback_game24, reward_game24, verify_game24

__all__ = ["feedback_game24", "reward_game24", "verify_game24"]
