"""The schemes of Apprise URLs that are allowed, chosen from all that Apprise has.

A service is allowed if its plugin only talks HTTP or SMTP, in the thread that calls it, and needs no package of its
own: then the guard sees each of its connections, and an attempt ends in time. Refused are therefore

- what runs programs or shows something on this machine: macosx, windows, gnome, glib, gio, dbus, kde, qt, growl;
- devices and local services: blink1, syslog, rsyslog, and media players and home automation (kodi, emby, hassio, …);
- what keeps keys or sessions in files: vapid, fcm, session, matrix, deltachat, nostr;
- other protocols: mqtt, amqp, irc, xmpp, smpp, aprs;
- services for which nobody has asked yet: a scheme more is a line here.
"""

from collections.abc import Mapping
from types import MappingProxyType

_ALLOWED = {
    "mail": "mailto mailtos azure o365 brevo mailersend mailgun postmark resend sendgrid ses smtp2go sparkpost",
    "chat": "discord dingtalk feishu flock gchat groupme lark line mmost mmosts nctalk nctalks ringc rocket rockets "
    "ryver signal signals slack synology synologys tgram threema twist webex wecombot workflow workflows wxteams zulip",
    "push": "gotify gotifys ntfy ntfys pbul pover prowl pushy",
    "on call": "betterstack goalert goalerts ilert incidentio opsgenie pagerduty pagertree signl4 splunk squadcast "
    "victorops xmatters",
    "tickets": "jira github",
    "text messages": "clicksend d7sms msgbird nexmo plivo seven sinch sns telnyx twilio vonage whatsapp",
    "your own": "apprise apprises form forms json jsons xml xmls",
}
SCHEMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {purpose: tuple(sorted(names.split())) for purpose, names in _ALLOWED.items()}
)
ALLOWED = frozenset(name for names in SCHEMES.values() for name in names)
MAIL = frozenset(SCHEMES["mail"])
"""These take HTML; the others get plain text."""


def scheme_of(url: str) -> str:
    """The scheme of an Apprise URL, in lower case; empty if it has none."""
    scheme, colon, _ = url.partition("://")
    return scheme.strip().lower() if colon else ""
