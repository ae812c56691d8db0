"""The audit trail as it is kept: appended, chained and verified."""
