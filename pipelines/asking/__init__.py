"""Ask a model questions, each answered once: what a judge, an extractor and the actors of constructed reasoning have in common.

asker.py    questions to a teacher, bounded, each reply kept on disk under a hash of the question
replies.py  the replies on disk, in SQLite
prompts.py  editable prompts, data/prompts/NAME.toml, filled in one pass
fence.py    a text of unknown origin inside a prompt, between marks that it cannot close
"""

from .asker import Asker, Reply, UnansweredError, each, open_asker
from .fence import Fence, fenced
from .prompts import Prompt, load_prompt
from .replies import Replies

__all__ = ["Asker", "Fence", "Prompt", "Replies", "Reply", "UnansweredError", "each", "fenced", "load_prompt", "open_asker"]
