"""From TOML and CSV files to frozen settings, with every mistake reported at once."""
