"""What a program has brought: members against the holdout."""
