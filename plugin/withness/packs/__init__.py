"""Reviewable files (TOML) to frozen values, naming file and key on error."""
