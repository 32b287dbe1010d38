"""The real service in a world that is decided by a seed: time, order, providers, receivers, disk and death."""
