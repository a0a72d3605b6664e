"""English prose that the course may ship: the text on which language models are measured."""

from functools import lru_cache
from pathlib import Path

from course_lib.data._files import DATA_FOLDER, read_checked


@lru_cache(maxsize=2)
def load_prose(*, folder: Path = DATA_FOLDER) -> str:
    """Load chapters 1 to 10 of Jane Austen's "Northanger Abbey" (1817), which is in the public domain.

    Parameters
    ----------
    folder : Path, default the folder of this module
        Where prose.txt and checksums.json lie.

    Returns
    -------
    str
        One paragraph a line; 28,169 tokens of SmolLM2.

    Raises
    ------
    ValueError
        If the file is missing or damaged.

    Notes
    -----
    A famous book is surely among what a language model was trained on. That does not harm a comparison of
    two versions of one model; the perplexity itself is not one of unseen text.

    Examples
    --------
    >>> load_prose()[:54]
    'No one who had ever seen Catherine Morland in her infa'
    """
    return read_checked("prose.txt", folder).decode("utf-8")
