"""A command line typed in this process."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from ilk import cli, console


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=pytest.fail)


Run = Callable[..., Said]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs `ilk` with these words, in the folder where the test stands."""

    def run(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["ilk", *words])
        console.quiet = False
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        return Said(int(end.value.code or 0), *capsys.readouterr())

    yield run
    console.quiet = False
