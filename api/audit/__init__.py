"""Routes for the audit trail, and the page of a dossier."""
