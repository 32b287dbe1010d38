"""The keys that the sandbox accepts, shaped like the providers' own. They open nothing else."""

from collections.abc import Mapping

DEMO_KEYS: Mapping[str, Mapping[str, str]] = {
    "fragment": {"client_id": "fragment-demo", "client_secret": "fragment-demo-secret"},
    "meteroid": {"api_key": "pv_sand_9XzHg2EYE66gfG4/7n42DGM5Tflk9n8mt7Fhc7"},
    "dollr": {"client_id": "dollr-demo", "client_secret": "dollr-demo-secret"},
    "rapyd": {"access_key": "rak_DEMOACCESSKEY", "secret_key": "rsk_demo_secret_that_opens_nothing"},
    "chargeover": {"public_key": "chargeover-demo", "private_key": "chargeover-demo-private"},
    "stripe": {"api_key": "sk_test_demoKeyThatOpensNothing0000"},
    "lago": {"api_key": "1a901a90-demo-4a90-8a90-key000000000"},
    "chargebee": {"api_key": "test_demoKeyThatOpensNothing0000"},
}

DEMO_HINT_SECRETS: Mapping[str, str] = {
    "meteroid": "whsec_aGludHMgb2YgdGhlIGRlbW8sIDI0IGJ5dGVz",
    "chargeover": "chargeover-demo-hint-key",
    "stripe": "whsec_demoHintsOfStripe00000000000000",
    "lago": "lago-demo-hmac-key-0000000000000000",
    "chargebee": "invoice-watcher:chargebee-demo-hint-password",
}
"""What the providers prove their webhooks with; Rapyd uses its keys, Chargebee a user with a password."""
