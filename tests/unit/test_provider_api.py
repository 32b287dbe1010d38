"""What packages with providers may rely on."""

import inspect

from watcher import provider_api
from watcher.config.adapters import plugins


def test_every_name_is_there_and_nothing_else_is_public() -> None:
    public = {name for name in vars(provider_api) if not name.startswith("_")}
    assert public == set(provider_api.__all__)


def test_the_group_of_entry_points_is_the_one_that_is_read() -> None:
    assert provider_api.ENTRY_POINTS == plugins.GROUP


def test_what_a_kind_and_an_account_need_stays_as_it_is() -> None:
    """A field that is added needs a default: a package that was made before has to work."""
    needed = [
        name
        for name, parameter in inspect.signature(provider_api.ProviderKind).parameters.items()
        if parameter.default is inspect.Parameter.empty
    ]
    assert needed == ["name", "credentials", "base_url", "rate", "build"]
    given = list(inspect.signature(provider_api.Account).parameters)
    assert given[:6] == ["name", "base_url", "timezone", "timeout", "credentials", "options"]
