"""The keys that the sandbox accepts, shaped like the providers' own. They open nothing else."""

from collections.abc import Mapping

DEMO_KEYS: Mapping[str, Mapping[str, str]] = {
    "fragment": {"client_id": "fragment-demo", "client_secret": "fragment-demo-secret"},
    "meteroid": {"api_key": "pv_sand_9XzHg2EYE66gfG4/7n42DGM5Tflk9n8mt7Fhc7"},
    "dollr": {"client_id": "dollr-demo", "client_secret": "dollr-demo-secret"},
    "rapyd": {"access_key": "rak_DEMOACCESSKEY", "secret_key": "rsk_demo_secret_that_opens_nothing"},
    "chargeover": {"public_key": "chargeover-demo", "private_key": "chargeover-demo-private"},
}

DEMO_HINT_SECRETS: Mapping[str, str] = {
    "meteroid": "whsec_aGludHMgb2YgdGhlIGRlbW8sIDI0IGJ5dGVz",
    "chargeover": "chargeover-demo-hint-key",
}
"""What the providers prove their webhooks with; Rapyd uses its keys."""
