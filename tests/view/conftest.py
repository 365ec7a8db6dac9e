import shutil
from pathlib import Path

import pytest

from . import looked_at


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits' space, made once. Only for reading."""
    return looked_at.make(tmp_path_factory.mktemp("looked_at"))


@pytest.fixture(scope="session")
def visitor(made: Path) -> looked_at.Visitor:
    """One of it that nothing is written through."""
    return looked_at.Visitor(made)


@pytest.fixture
def own(made: Path, tmp_path: Path) -> looked_at.Visitor:
    """One of a copy of one's own."""
    shutil.copytree(made, tmp_path / "digits.space")
    return looked_at.Visitor(tmp_path / "digits.space")
