"""The allow list, held against the Apprise that is installed."""

import importlib
import inspect
import re
from typing import cast

import pytest
from apprise import NotifyBase
from apprise.manager_plugins import NotificationManager

from watcher.notify.schemes import ALLOWED, scheme_of

PLUGINS = NotificationManager()
MODULES = "subprocess multiprocessing threading asyncio ctypes dbus gi paho slixmpp hid syslog socket"
OTHER_WAYS = re.compile(rf"^\s*(?:import|from) (?:{MODULES.replace(' ', '|')})\b", re.MULTILINE)
REFUSED = (
    "macosx windows gnome glib gio dbus kde qt growl blink1 syslog rsyslog vapid fcm session matrix mqtt amqp irc xmpp "
    "smpp aprs"
)


@pytest.mark.parametrize("scheme", sorted(ALLOWED))
def test_each_allowed_scheme_is_one_that_talks_http_or_smtp_in_the_thread_that_calls_it(scheme: str) -> None:
    assert scheme in PLUGINS, "Apprise has it no more"
    plugin = cast("type[NotifyBase]", PLUGINS[scheme])
    assert plugin.enabled, "it needs a package of its own"
    source = inspect.getsource(importlib.import_module(plugin.__module__))
    assert OTHER_WAYS.findall(source) == []


@pytest.mark.parametrize("scheme", REFUSED.split())
def test_what_runs_programs_reaches_devices_or_speaks_other_protocols_is_refused(scheme: str) -> None:
    assert scheme in PLUGINS, "Apprise has it no more: take it from the reasons"
    assert scheme not in ALLOWED


@pytest.mark.parametrize(
    ("url", "scheme"), [("JSONS://host", "jsons"), ("host", ""), ("mailto:a@b.de", ""), (" slack://a", "slack")]
)
def test_the_scheme_is_what_stands_before_the_address(url: str, scheme: str) -> None:
    assert scheme_of(url) == scheme
