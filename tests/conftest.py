"""What holds for all tests, however they were started."""

import signal

import pytest

# A shell starts what runs in the background with Ctrl-C ignored, and whatever that starts ignores it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What stands for the whole, from end to end: in processes of its own, in a browser, page by page.
WHOLE = (
    "tests/contract/test_two_processes.py",
    "tests/fuzz/test_readers.py",
    "tests/space/test_ray.py",
    "tests/test_demonstration.py",
    "tests/test_memory.py",
    "tests/training/test_processes.py",
    "tests/view/test_look.py",
    "tests/view/test_server_door.py",
    "tests/view/test_server_fuzz.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as `whole` what is in these files, and what takes a browser; others say so themselves."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if item.nodeid.startswith(WHOLE) or {"browser", "visit"} & {*fixtures}:
            item.add_marker("whole")
