"""Users and items whose tastes are known: implicit feedback to measure a recommender by.

Each user divides the interest among a few topics, each item is of one, and within a topic the popular ones
are chosen more, the first the most: p(item | user) = mix[topic] * share of the topic's choices. What items
and users tell of themselves hints at the topics.

Legend: U users, I items, K topics.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ..errors import OptionError
from .interactions import Interactions
from .tables import Table

FOCUS = 0.15  # of a Dirichlet law: small, so that most users have one or two topics
FALL = 1.0  # popularity falls as 1 / rank, as Zipf found it


def tastes(
    users: int = 2000,
    items: int = 1000,
    *,
    each: int = 20,
    topics: int = 10,
    seed: int = 0,
    history: int = 20,
) -> Interactions:
    """`each`: items that a user chose, all different.

    Items tell their topic and a price that depends on it a little; users an age that hints at their first
    topic. The users' `mix` and the items' `share` are the truth, which nothing is learnt from.
    """
    if not (users > 0 and topics > 0 and items >= 2 * each > 0 and items >= topics):
        what = f"{users} users, {items} items, {each} for each, {topics} topics"
        raise OptionError(what, "Give numbers above 0, at least twice as many items as each user chooses.")
    rng = np.random.default_rng(seed)
    topic = rng.permutation(np.arange(items) % topics)  # (I,)
    share = np.zeros(items)
    for k in range(topics):
        own = np.flatnonzero(topic == k)
        share[own] = 1 / np.arange(1, len(own) + 1) ** FALL
        share[own] /= share[own].sum()
    mix = rng.dirichlet(np.full(topics, FOCUS), users) * 0.98 + 0.02 / topics  # (U, K)
    chance = mix[:, topic] * share  # (U, I), each row adds up to 1
    # The largest of log p + Gumbel noise are draws without putting back (Efraimidis & Spirakis 2006)
    drawn = np.argpartition(-(np.log(chance) + rng.gumbel(size=chance.shape)), each, axis=1)[:, :each]
    drawn = np.sort(drawn, 1)
    things = pa.table(
        {
            "topic": [f"topic {k}" for k in topic],
            "price": (10 + topic + rng.normal(0, 3, items)).astype(np.float32),
            "share": share,
        }
    )
    people = pa.table(
        {
            "age": (20 + 4 * mix.argmax(1) + rng.normal(0, 4, users)).astype(np.float32),
            "mix": pa.array(list(mix)),
        }
    )
    return Interactions(
        Table(
            [f"u{i}" for i in range(users)],
            people,
            {"id": "id", "age": "number", "mix": "kept"},
            side="users",
        ),
        Table(
            [f"i{i}" for i in range(items)],
            things,
            {"id": "id", "topic": "category", "price": "number", "share": "kept"},
            side="items",
        ),
        np.stack([np.repeat(np.arange(users), each), drawn.reshape(-1)], 1),
        history=history,
    )


def truth(source: Interactions) -> np.ndarray:
    """(U, I) the chance of each item for each user, of `tastes`."""
    mix = np.array(source.users.columns["mix"].to_pylist())
    topic = [int(str(t).split()[1]) for t in source.items.columns["topic"].to_pylist()]
    found: np.ndarray = mix[:, topic] * source.items.columns["share"].to_numpy()
    return found
