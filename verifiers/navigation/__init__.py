"""Navigation by instructions, as in V-IRL: routes, two action spaces, the environment, and the verifier with its rewards and feedback.

    from cotkit.verifiers import verify

    verify("Then turn_direction(north).", gold="turn_direction(north)", kind="navigation").outcome == "correct"

Source of the task: "SFT Memorizes, RL Generalizes" (arXiv 2501.17161), section 4.2 and appendix B.
"""

from .environment import Navigation
from .judging import feedback_navigation, reward_navigation, verify_navigation

__all__ = ["Navigation", "feedback_navigation", "reward_navigation", "verify_navigation"]
