import pytest

from tests.fakes.poller import Scene
from watcher.store import Store


@pytest.fixture
def scene(sqlite_store: Store) -> Scene:
    return Scene(sqlite_store)
