"""People and machines: the roles that they hold, for all programs or for one."""
