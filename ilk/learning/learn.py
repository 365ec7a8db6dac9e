"""From data to a space: learn an encoder, judge it, fill a space with its vectors."""

import os
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

from .. import saved
from ..console import say
from ..encoders import Encoder
from ..objectives import ClosedForm, Objective
from ..source import Source
from ..source._kind import reader
from ..space import Space
from ..training.distributed import group, in_turn, wait
from ..training.recipe import Recipe
from .circumstances import circumstances, fingerprint
from .job import Job, folder_of
from .target import Target, default_name, paths
from .usual import HALVES, check, check_graph, check_label, encoder_for, kind_for, usual


def learn(
    data: Any,
    objective: str = "auto",
    *,
    out: str | os.PathLike[str] | None = None,
    as_: str | None = None,
    encoder: str | None = None,
    dim: int | None = None,
    recipe: Recipe | None = None,
    label: str | None = None,
    replace: bool = False,
    ray: str | None = None,
    **options: Any,
) -> Space:
    """Learns an encoder from `data` (a source, or what one of ilk's readers reads) and fills a space.

    out        where to: OUT.run and OUT.space (default: the data's own name, in this folder)
    as_        what the data are: images, text, graphs, pairs or boxes (default: what most of them look like,
               and pairs or boxes where the objective is for such)
    encoder    for objectives that train a network (default: what suits it); `dim` is the length of a vector
    recipe     how long, how fast, ... (default: two minutes, in batches that suit the data)
    label      a metadata column to judge by; without one, a score that is less sure (see judging.py) decides
    replace    throw away a run and a space of that name first
    ray        train on the Ray cluster of that address; "auto": as RAY_ADDRESS says, or one here
    options    more keywords of the objective and the encoder

    `auto` takes `patches` at once, then `simclr` for the minutes of the recipe, and keeps the best of these
    and of white PCA (of text: `sif`, `simcse`, TF-IDF; of a graph: `node2vec`, `infomax`, features). The
    result is shown beside the baselines.
    Call it again, the same, to go on after a kill. Under torchrun all processes call it: they share the steps
    of a network; the rest the first one does while the others wait.
    """
    with group() as (rank, _):
        with in_turn():
            of = as_ or kind_for(objective, data)
            if objective == "auto" and of in HALVES:
                objective = usual(of).quick  # there is but one way
            reads = None if isinstance(data, Source) else reader(of, data)
            check(objective, encoder, dim, options, of=of)
            source = data if reads is None else reads(data)
            check_label(label, source)
            check_graph(objective, source)
            encoder = encoder or encoder_for(objective, of)
            recipe = recipe or Recipe(batch=usual(of).batch)
            job = Job(source, encoder, dim, _sharp(recipe, len(source)), label, options, ray)
            # Before the target: what refuses an option leaves no half-made run behind.
            made = None if objective == "auto" else job.built(objective)
        name = Path(out) if out is not None else default_name(data)
        if rank > 0:
            return _helped(job, objective, made, name)
        asked = {"objective": objective, "encoder": encoder, "dim": dim, "options": options}
        content, users = source, None
        if isinstance(made, Objective):
            content, users = made.content(source, made.encoder), made.askers(source)
        about = {"recipe": recipe.as_json(), "label": label, "reading": source.reading}
        about |= {"seen": fingerprint(source), "with": circumstances(paths(name)[0])}
        target = Target(
            *(name, asked, content),
            found_at=_found_at(data),
            replace=replace,
            own=_own(made),
            users=users,
            about=about,
        )
        target.list_skipped(source)
        space = _auto(job, target) if made is None else _one(job, target, objective, made)
        wait()
        return space


def _found_at(data: Any) -> str | None:
    if isinstance(data, str | os.PathLike):
        return os.fspath(data)
    return data.found_at if isinstance(data, Source) else None


def _own(made: ClosedForm | Objective | None) -> bool:
    """Whether something else goes into the space than the samples: words that texts hold."""
    return isinstance(made, ClosedForm) and type(made).content is not ClosedForm.content


def _sharp(recipe: Recipe, n: int) -> Recipe:
    """More held out of small data, unless the share was chosen: a score of 16 samples decides nothing."""
    if recipe.held_out != Recipe.held_out:
        return recipe
    return replaced(recipe, held_out=max(Recipe.held_out, min(0.2, 128 / max(n, 1))))


def _helped(job: Job, name: str, made: ClosedForm | Objective | None, out: Path) -> Space:
    """What all processes but the first do: their share of the steps of a network."""
    run, space = paths(out)
    slow = job.usual.slow
    if made is None and job.enough:
        name, made = slow, job.built(slow)
    if isinstance(made, Objective):
        job.fitted(made, folder_of(run, name))
    wait()
    return Space.open(space)


def _one(job: Job, target: Target, name: str, made: ClosedForm | Objective) -> Space:
    found = job.learnt(name, made, target.run)
    job.compare({name: found})
    if isinstance(made, Objective) and (users := made.askers(job.source)) is not None:
        say(f"{target.fill(found.encoder, None, users, at=target.users).path} holds the users.")
    content = made.content(job.source, found.encoder)
    return target.fill(found.encoder, found.decoder, content)


def _auto(job: Job, target: Target) -> Space:
    """The best of a quick way, a slow one and a plain one; the quick at once: something to look at."""
    quick, slow, plain = job.usual.quick, job.usual.slow, job.usual.plain
    first = job.learnt(quick, job.built(quick), target.run)
    made = {quick: first}
    waiting = not target.space.exists()  # a space that stands stays until it is known what is better
    space = target.fill(first.encoder, None, job.source) if waiting else Space.open(target.space)
    if job.blind:
        say(f"Without a label nothing tells whether {slow} is better: {quick} is kept.")
        job.compare(made)
        return space if waiting else target.fill(first.encoder, None, job.source)
    if not job.enough:
        say(f"{len(job.source)} samples are too few to train a network on.")
    else:
        say(f"{space.path} is ready to be looked at. Next: does {slow} do better?")
        made[slow] = job.learnt(slow, job.built(slow), target.run)
    judged = job.compare(made)
    asked = [j for j in judged if j.name in (*made, plain)]
    best = max(asked, key=lambda j: j.score)  # of equals the first: the quick one
    told = ", ".join(f"{j.name} {j.score:.1%}" for j in asked)
    say(f"{best.by}: {told}; {best.name} is kept.")
    if best.name not in made:
        saved.save(best.encoder, target.run / best.name, Encoder)
    elif best.name == quick and waiting:
        return space
    decoder = made[best.name].decoder if best.name in made else None
    return target.fill(best.encoder, decoder, job.source)
