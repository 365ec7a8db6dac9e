"""Verbs of a space of words."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Json, SpacePath, app
from ._arguments import open_space
from ._printing import Output


@app.command()
def words(
    space: SpacePath,
    question: Annotated[str, typer.Argument(help='A word, or words as in "king - man + woman".')],
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    multiply: Annotated[bool, typer.Option("--multiply", help="Multiply likenesses, not add.")] = False,
    odd: Annotated[bool, typer.Option("--odd", help="Which of these words is the odd one?")] = False,
    like: Annotated[bool, typer.Option("--like", help="How alike are these two words?")] = False,
    json: Json = False,
) -> None:
    """Words alike to a word, or to a sum of words; the odd one out."""
    output = Output(json)
    from ..analysis.words import likeness, odd_one_out, words
    from ..errors import OptionError

    opened, among = open_space(space), question.split()
    if odd:
        output.facts({"odd one out": odd_one_out(opened, among)})
    elif like:
        if len(among) != 2:
            raise OptionError(f"{len(among)} words after --like", 'Give two, such as "cat dog".')
        output.facts({"likeness": likeness(opened, *among)})
    else:
        output.table(words(opened, question, k, multiply=multiply).table())


@app.command(name="import-words")
def import_words(
    file: Annotated[Path, typer.Argument(help="word2vec's text or binary, GloVe, fastText's .vec or .bin.")],
    out: Annotated[Path | None, typer.Option(help="The space [default: NAME.space].")] = None,
    lower: Annotated[bool, typer.Option("--lower", help="Look texts up in small letters.")] = False,
    json: Json = False,
) -> None:
    """Make a space of word vectors that somebody else learnt."""
    output = Output(json)
    from ..analysis.words import import_words

    space = import_words(file, out, lower=lower)
    output.facts({"space": str(space.path), "words": len(space), "dim": space.dim})


@app.command(name="export-words")
def export_words(
    space: SpacePath,
    to: Path,
    form: Annotated[str, typer.Option(help="text or binary (word2vec), glove, fasttext.")] = "text",
    json: Json = False,
) -> None:
    """Write word vectors as others read them."""
    output = Output(json)
    from ..analysis.words import export_words

    opened = open_space(space)
    export_words(opened, to, form)
    output.facts({"written": str(to), "words": len(opened)})
