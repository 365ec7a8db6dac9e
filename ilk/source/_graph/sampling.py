"""Some neighbours of each node, drawn without giving any back (Floyd 1987), compiled.

What is drawn for a node hangs on the seed and the node alone, not on who else is asked for: a vector does not
depend on its batch.
"""

from typing import Any

import numpy as np

from ...compiled import compiled


@compiled()
def _mixed(code: Any) -> Any:  # splitmix64, as in bits.py; compiled code is known by its own file
    code += np.uint64(0x9E3779B97F4A7C15)
    code = (code ^ (code >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    code = (code ^ (code >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return code ^ (code >> np.uint64(31))


@compiled()
def drawn(starts: Any, rows: Any, most: Any, seed: Any, out: Any) -> Any:
    """At most so many places between starts[row] and starts[row + 1], of each row in turn, into `out`."""
    n = 0
    for row in rows:
        low, size = starts[row], starts[row + 1] - starts[row]
        if size <= most:
            for i in range(size):
                out[n + i] = low + i
            n += size
            continue
        key = _mixed(np.uint64(row) ^ _mixed(np.uint64(seed)))
        for k in range(most):
            last = size - most + k
            pick = low + np.int64(_mixed(key + np.uint64(k)) % np.uint64(last + 1))
            for i in range(k):
                if out[n + i] == pick:
                    pick = low + last  # no earlier draw reached so far
                    break
            out[n + k] = pick
        n += most
    return n
