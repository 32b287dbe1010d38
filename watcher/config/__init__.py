"""From TOML and CSV files to frozen settings, with every mistake named at once."""
