"""Routes for programs: revisions, amendments, holds, and their end."""
