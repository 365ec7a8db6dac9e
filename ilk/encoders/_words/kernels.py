"""The steps of word2vec, fastText and doc2vec, compiled: a stretch of word ids, one pass, one thread.

Mikolov et al. 2013; Bojanowski et al. 2017; Le & Mikolov 2014. Threads work on the same matrices without
locks (Niu et al. 2011). As in pWord2Vec (Ji et al. 2016) the noise words are drawn once for a window, so that
its products are of small matrices; a row is read once for a window and written once.

An output is a word (1: it stands here; 0: noise) or a node on a word's path (1: the path goes left). Ids
below 0 end a text.

Legend: V words, D numbers a vector, n words of a piece, c inputs and m outputs of a window, R rows of a bag.
"""

from typing import Any, NamedTuple

import numpy as np

from ...compiled import compiled

PIECE = 10_000  # words that are held at once; a longer text goes on in the next piece
VARIED = 2  # times as many noise words for all neighbours of a word as for one
SHARED = 2  # words in a row that have the same noise, where each is foretold but once; of 4, analogies suffer
_STEEP = np.float32(6)  # beyond, the sigmoid is 0 or 1
_STEPS = 1024
_SIGMOID = (1 / (1 + np.exp((0.5 - np.arange(_STEPS) / _STEPS - 0.5 / _STEPS) * 12))).astype(np.float32)


class Tables(NamedTuple):
    """What is known of the V words before learning."""

    keep: np.ndarray  # (V,) uint32: a word stays where 32 random bits are not above
    accept: np.ndarray  # (V,) float32: drawing noise, a place is its own word so often,
    other: np.ndarray  # (V,) int32: ... else this one
    paths: np.ndarray  # (V + 1,) int64: where each word's path begins; (1,) without a tree
    nodes: np.ndarray  # int32: the path's inner nodes, from the root
    left: np.ndarray  # float32: 1 where it goes left from there
    bags: np.ndarray  # (V + 1,) int64: where each word's rows begin; (1,) where its row is its own
    rows: np.ndarray  # int32


class Numbers(NamedTuple):
    """Of one call."""

    window: int  # words to each side, at most
    noise: int  # words; 0: paths
    first: float  # learning rate
    last: float
    seed: int  # above 0


@compiled()
def _random(state: Any) -> Any:  # xorshift64
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    return state ^ (state << np.uint64(17))


@compiled()
def _start(seed: Any) -> Any:
    """Seeds that follow each other give states that do not (splitmix64)."""
    state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return (state ^ (state >> np.uint64(27))) | np.uint64(1)


@compiled()
def _drawn(state: Any, accept: Any, other: Any) -> Any:
    """A noise word, by Walker's alias table."""
    place = np.int64(((state >> np.uint64(32)) * np.uint64(accept.shape[0])) >> np.uint64(32))
    if np.float32(state & np.uint64(0xFFFFFF)) * np.float32(2**-24) < accept[place]:
        return place
    return np.int64(other[place])


@compiled()
def _sigmoid(x: Any) -> Any:
    if x >= _STEEP:
        return np.float32(1)
    if x <= -_STEEP:
        return np.float32(0)
    return _SIGMOID[np.int64((x + _STEEP) * np.float32(_STEPS / 12))]


@compiled()
def _piece(ids: Any, at: Any, stop: Any, keep: Any, held: Any, state: Any) -> Any:
    """Fills `held` with the next words of one text that are kept -> how many, where the next begin."""
    n = 0
    while at < stop and n < held.shape[0]:
        word = ids[at]
        at += 1
        if word < 0:
            break
        state = _random(state)
        if np.uint32(state >> np.uint64(32)) <= keep[word]:
            held[n] = word
            n += 1
    return n, at, state


@compiled()
def _noise(tables: Any, noise: Any, state: Any) -> Any:
    """Fills `noise` with drawn words."""
    for i in range(noise.shape[0]):
        state = _random(state)
        noise[i] = _drawn(state, tables.accept, tables.other)
    return state


@compiled()
def _outputs(word: Any, tables: Any, noise: Any, out: Any, label: Any) -> Any:
    """What is to be foretold of a word -> how many."""
    m = 0
    if noise.shape[0] == 0:
        for i in range(tables.paths[word], tables.paths[word + 1]):
            out[m], label[m] = tables.nodes[i], tables.left[i]
            m += 1
        return m
    out[0], label[0] = word, 1
    m = 1
    for drawn in noise:
        if drawn != word:
            out[m], label[m] = drawn, 0
            m += 1
    return m


@compiled()
def _room(tables: Any, noise: Any) -> Any:
    """The most outputs that a word has, even."""
    most = noise + 1
    if noise == 0:
        for word in range(tables.paths.shape[0] - 1):
            most = max(most, tables.paths[word + 1] - tables.paths[word])
    return most + most % 2


@compiled(reorder=True)
def _gather(matrix: Any, rows: Any, n: Any, into: Any) -> Any:
    """Rows into `into`, one of zeros behind where their number is odd -> their number, even."""
    for i in range(n):
        row = matrix[rows[i]]
        for d in range(row.shape[0]):
            into[i, d] = row[d]
    if n % 2:
        into[n] = 0
    return n + n % 2


@compiled(reorder=True)
def _products(A: Any, B: Any, c: Any, m: Any, G: Any) -> None:  # (c, D), (m, D) -> (c, m)
    for j in range(0, c, 2):
        for k in range(0, m, 2):
            s00 = s01 = s10 = s11 = np.float32(0)
            for d in range(A.shape[1]):
                x, y, p, q = A[j, d], A[j + 1, d], B[k, d], B[k + 1, d]
                s00 += x * p
                s01 += x * q
                s10 += y * p
                s11 += y * q
            G[j, k], G[j, k + 1], G[j + 1, k], G[j + 1, k + 1] = s00, s01, s10, s11


@compiled(reorder=True)
def _combined(G: Any, B: Any, c: Any, m: Any, E: Any) -> None:  # (c, m), (m, D) -> (c, D)
    for j in range(0, c, 2):
        for k in range(0, m, 2):
            g00, g01, g10, g11 = G[j, k], G[j, k + 1], G[j + 1, k], G[j + 1, k + 1]
            if k == 0:
                for d in range(B.shape[1]):
                    p, q = B[k, d], B[k + 1, d]
                    E[j, d] = g00 * p + g01 * q
                    E[j + 1, d] = g10 * p + g11 * q
            else:
                for d in range(B.shape[1]):
                    p, q = B[k, d], B[k + 1, d]
                    E[j, d] += g00 * p + g01 * q
                    E[j + 1, d] += g10 * p + g11 * q


@compiled(reorder=True)
def _add(matrix: Any, rows: Any, n: Any, steps: Any) -> None:
    for i in range(n):
        row = matrix[rows[i]]
        for d in range(row.shape[0]):
            row[d] += steps[i, d]


@compiled(reorder=True)
def skip_gram(ids: Any, begin: Any, stop: Any, inputs: Any, outputs: Any, tables: Any, numbers: Any) -> None:
    """Each word of a window foretells the one in its middle."""
    width, D = 2 * numbers.window, inputs.shape[1]
    most = _room(tables, numbers.noise)
    held, near, out = np.empty(PIECE, np.int32), np.empty(width, np.int64), np.empty(most, np.int64)
    noise = np.empty(numbers.noise, np.int64)
    label, G = np.empty(most, np.float32), np.zeros((max(width, most), max(width, most)), np.float32)
    A, B = np.empty((width, D), np.float32), np.empty((most, D), np.float32)
    back, E = np.empty_like(G), np.empty((max(width, most), D), np.float32)
    state, at = _start(numbers.seed), begin
    while at < stop:
        n, at, state = _piece(ids, at, stop, tables.keep, held, state)
        rate = np.float32(numbers.first + (numbers.last - numbers.first) * (at - begin) / (stop - begin))
        for t in range(n):
            state = _random(state)
            reach = numbers.window - np.int64((state >> np.uint64(33)) % np.uint64(numbers.window))
            c = 0
            for j in range(max(0, t - reach), min(n, t + reach + 1)):
                if j != t:
                    near[c] = held[j]
                    c += 1
            if c == 0:
                continue
            state = _noise(tables, noise, state)
            m = _outputs(held[t], tables, noise, out, label)
            c2, m2 = _gather(inputs, near, c, A), _gather(outputs, out, m, B)
            _products(A, B, c2, m2, G)
            for j in range(c2):
                for k in range(m2):
                    known = j < c and k < m
                    g = (label[k] - _sigmoid(G[j, k])) * rate if known else np.float32(0)
                    G[j, k] = g
                    back[k, j] = g
            _combined(G, B, c2, m2, E)
            _add(inputs, near, c, E)
            _combined(back, A, m2, c2, E)
            _add(outputs, out, m, E)


@compiled(reorder=True)
def _told(h: Any, e: Any, m: Any, out: Any, g: Any, outputs: Any, rate: Any, still: Any) -> None:
    """One step: h foretells m outputs, which move unless `still`; the step of h is added to e.

    `g` comes as what is to be foretold, of noise as minus the number of words that it stands for.
    """
    D, k = h.shape[0], 0
    while k < m:
        one, two = outputs[out[k]], outputs[out[min(k + 1, m - 1)]]
        s = t = np.float32(0)
        for d in range(D):
            s += h[d] * one[d]
            t += h[d] * two[d]
        s, t = _slope(g[k], s) * rate, _slope(g[min(k + 1, m - 1)], t) * rate
        if k + 1 == m:
            t = np.float32(0)
        for d in range(D):
            e[d] += s * one[d] + t * two[d]
        if not still:
            for d in range(D):
                one[d] += s * h[d]
            for d in range(D):
                two[d] += t * h[d]
        k += 2


@compiled()
def _slope(aim: Any, score: Any) -> Any:
    if aim < 0:
        return aim * _sigmoid(score)
    return aim - _sigmoid(score)


@compiled()
def _around(held: Any, t: Any, first: Any, end: Any, noise: Any, out: Any, g: Any) -> Any:
    """The words around t, and noise for all of them together -> how many outputs.

    Each of them is due its own noise; drawn `VARIED` times and weighed up, it costs a third.
    """
    m = 0
    for j in range(first, end):
        if j != t:
            out[m], g[m] = held[j], 1
            m += 1
    near = m
    for drawn in noise:
        others = near
        for j in range(near):
            others -= out[j] == drawn
        if others:
            out[m], g[m] = drawn, -np.float32(others) / np.float32(VARIED)
            m += 1
    return m


@compiled()
def _bag(word: Any, tables: Any, rows: Any, n: Any) -> Any:
    """Appends the rows that make up a word -> how many rows there are then."""
    if tables.bags.shape[0] == 1:
        rows[n] = word
        return n + 1
    for i in range(tables.bags[word], tables.bags[word + 1]):
        rows[n] = tables.rows[i]
        n += 1
    return n


@compiled()
def _largest(tables: Any) -> Any:
    """The most rows that a word has."""
    most = 1
    for word in range(tables.bags.shape[0] - 1):
        most = max(most, tables.bags[word + 1] - tables.bags[word])
    return most


@compiled(reorder=True)
def _sum(matrix: Any, rows: Any, n: Any, h: Any) -> None:
    for i in range(n):
        row = matrix[rows[i]]
        for d in range(h.shape[0]):
            h[d] += row[d]


@compiled(reorder=True)
def _spread(matrix: Any, rows: Any, n: Any, e: Any) -> None:
    for i in range(n):
        row = matrix[rows[i]]
        for d in range(e.shape[0]):
            row[d] += e[d]


@compiled(reorder=True)
def bags(ids: Any, begin: Any, stop: Any, inputs: Any, outputs: Any, tables: Any, numbers: Any) -> None:
    """Each word, as the mean of its rows, foretells those around it.

    All rows of a word take the same step, so that their mean takes it too.
    """
    D, most = inputs.shape[1], _room(tables, VARIED * numbers.noise) + 2 * numbers.window
    held, rows = np.empty(PIECE, np.int32), np.empty(_largest(tables), np.int64)
    out, g = np.empty(most, np.int64), np.empty(most, np.float32)
    h, e, noise = np.empty(D, np.float32), np.empty(D, np.float32), np.empty(VARIED * numbers.noise, np.int64)
    state, at = _start(numbers.seed), begin
    while at < stop:
        n, at, state = _piece(ids, at, stop, tables.keep, held, state)
        rate = np.float32(numbers.first + (numbers.last - numbers.first) * (at - begin) / (stop - begin))
        for t in range(n):
            state = _random(state)
            reach = numbers.window - np.int64((state >> np.uint64(33)) % np.uint64(numbers.window))
            first, end = max(0, t - reach), min(n, t + reach + 1)
            if end - first < 2:
                continue
            R = _bag(held[t], tables, rows, 0)
            h[:] = 0
            _sum(inputs, rows, R, h)
            h /= np.float32(R)
            e[:] = 0
            if numbers.noise:
                state = _noise(tables, noise, state)
                m = _around(held, t, first, end, noise, out, g)
                _told(h, e, m, out, g, outputs, rate, False)
            else:
                for j in range(first, end):
                    if j != t:
                        m = _outputs(held[j], tables, noise, out, g)
                        _told(h, e, m, out, g, outputs, rate, False)
            _spread(inputs, rows, R, e)


@compiled(reorder=True)
def pooled(
    ids: Any,
    begin: Any,
    stop: Any,
    inputs: Any,
    outputs: Any,
    tables: Any,
    numbers: Any,
    texts: Any,
    text: Any,
    still: Any,
) -> None:
    """The mean of the words around foretells the one in the middle (CBOW).

    With `texts`, which have a row each (the first is `text`), the text's own row counts as one more word
    (PV-DM); it is alone where there are no inputs (PV-DBOW). `still`: only texts learn.
    """
    D, most = outputs.shape[1], _room(tables, numbers.noise)
    held, rows = np.empty(PIECE, np.int32), np.empty(2 * numbers.window * _largest(tables), np.int64)
    out, g, noise = np.empty(most, np.int64), np.empty(most, np.float32), np.empty(numbers.noise, np.int64)
    h, e, own = np.empty(D, np.float32), np.empty(D, np.float32), np.zeros(D, np.float32)
    alone, state, at = int(texts.shape[0] > 0), _start(numbers.seed), begin
    while at < stop:
        n, at, state = _piece(ids, at, stop, tables.keep, held, state)
        rate = np.float32(numbers.first + (numbers.last - numbers.first) * (at - begin) / (stop - begin))
        if alone and n:
            own = texts[text]
        for t in range(n):
            R = 0
            if inputs.shape[0]:
                state = _random(state)
                reach = numbers.window - np.int64((state >> np.uint64(33)) % np.uint64(numbers.window))
                for j in range(max(0, t - reach), min(n, t + reach + 1)):
                    if j != t:
                        R = _bag(held[j], tables, rows, R)
            if R + alone == 0:
                continue
            h[:] = own
            _sum(inputs, rows, R, h)
            h /= np.float32(R + alone)
            e[:] = 0
            if t % SHARED == 0:
                state = _noise(tables, noise, state)
            m = _outputs(held[t], tables, noise, out, g)
            _told(h, e, m, out, g, outputs, rate, still)
            if alone:
                own += e
            if not still:
                _spread(inputs, rows, R, e)
        if ids[at - 1] < 0:
            text += 1


@compiled(reorder=True)
def inferred(
    ids: Any, starts: Any, texts: Any, inputs: Any, outputs: Any, tables: Any, numbers: Any, epochs: Any
) -> None:
    """Rows of texts that were not learnt from, the first from starts[0] on; each as if it were alone."""
    fall = (numbers.last - numbers.first) / epochs
    for i in range(starts.shape[0] - 1):
        for epoch in range(epochs):
            first, seed = numbers.first + fall * epoch, numbers.seed + epoch
            now = Numbers(numbers.window, numbers.noise, first, first + fall, seed)
            pooled(ids, starts[i], starts[i + 1], inputs, outputs, tables, now, texts, i, True)
