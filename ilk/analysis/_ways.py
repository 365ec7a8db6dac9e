"""Seven ways to predict a column from vectors, as scikit-learn pipelines that scale within themselves.

A way is a function: what it is asked for, then its own options as keywords.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ..errors import OptionError, UnknownName

KERNELS = ("linear", "poly", "rbf", "sigmoid")
CRITERIA = ("gini", "entropy")


@dataclass(frozen=True)
class Asked:
    numbers: bool  # a column of numbers; else of names
    rows: int  # that will be learnt from
    metric: str  # the space's
    seed: int


def linear(asked: Asked) -> Any:
    """Logistic regression; ridge for numbers."""
    model = RidgeCV(np.logspace(-3, 4, 8)) if asked.numbers else LogisticRegression(max_iter=1000)
    return make_pipeline(StandardScaler(), model)


def mlp(asked: Asked, *, hidden: int = 128) -> Any:
    """One hidden layer; at most 200 times over the rows."""
    if hidden < 1:
        raise OptionError(f"hidden is {hidden}", "Give 1 or more.")
    kind = MLPRegressor if asked.numbers else MLPClassifier
    return make_pipeline(
        StandardScaler(), kind(hidden_layer_sizes=(hidden,), max_iter=200, random_state=asked.seed)
    )


def knn(asked: Asked, *, k: int | None = None) -> Any:
    """The k nearest by the space's own distance, near ones counting more."""
    k = max(1, round(math.log(asked.rows))) if k is None else k
    if not 1 <= k <= asked.rows:
        raise OptionError(f"k is {k}", f"Give 1 to {asked.rows}, the rows that are learnt from.")
    kind = KNeighborsRegressor if asked.numbers else KNeighborsClassifier
    scale = {"cosine": Normalizer(), "l2": "passthrough", "whitened": StandardScaler()}[asked.metric]
    return make_pipeline(scale, kind(k, weights="distance", algorithm="brute"))


def svm(asked: Asked, *, kernel: str = "rbf", C: float = 1.0) -> Any:
    """A support vector machine: linear, poly, rbf or sigmoid. Its time grows with the square of the rows."""
    if kernel not in KERNELS:
        raise UnknownName("kernel", kernel, KERNELS)
    if not C > 0:
        raise OptionError(f"C is {C}", "Give more than 0.")
    return make_pipeline(StandardScaler(), (SVR if asked.numbers else SVC)(kernel=kernel, C=C))


def tree(asked: Asked, *, criterion: str = "gini", depth: int | None = None) -> Any:
    """Yes-or-no questions about single dimensions."""
    kind = DecisionTreeRegressor if asked.numbers else DecisionTreeClassifier
    options = _criterion(asked, criterion)
    return kind(max_depth=_positive("depth", depth), random_state=asked.seed, **options)


def forest(asked: Asked, *, criterion: str = "gini", trees: int = 200) -> Any:
    """Many trees, each of other rows and dimensions."""
    kind = RandomForestRegressor if asked.numbers else RandomForestClassifier
    options = _criterion(asked, criterion)
    return kind(n_estimators=_positive("trees", trees), random_state=asked.seed, **options)


def boost(asked: Asked, *, trees: int = 100) -> Any:
    """Small trees, each of what those before it have missed."""
    kind = HistGradientBoostingRegressor if asked.numbers else HistGradientBoostingClassifier
    return kind(max_iter=_positive("trees", trees), random_state=asked.seed)


WAYS: dict[str, Callable[..., Any]] = {f.__name__: f for f in (linear, mlp, knn, svm, tree, forest, boost)}


def check(how: str, options: dict[str, Any]) -> None:
    if how not in WAYS:
        raise UnknownName("way of probing", how, WAYS)
    known = [name for name in inspect.signature(WAYS[how]).parameters if name != "asked"]
    for name in options:
        if name not in known:
            raise UnknownName(f"option of {how}", name, known)


def model(how: str, asked: Asked, options: dict[str, Any]) -> Any:
    made = WAYS[how](asked, **options)
    # Networks and support vectors need amounts near 1
    return TransformedTargetRegressor(made, transformer=StandardScaler()) if asked.numbers else made


def _criterion(asked: Asked, criterion: str) -> dict[str, str]:
    if criterion not in CRITERIA:
        raise UnknownName("criterion", criterion, CRITERIA)
    return {} if asked.numbers else {"criterion": criterion}  # of numbers: squared error


def _positive(name: str, value: int | None) -> int | None:
    if value is not None and value < 1:
        raise OptionError(f"{name} is {value}", "Give 1 or more.")
    return value
