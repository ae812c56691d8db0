"""Programs as they are kept: revisions, stages, holds, amendments, announcements and the steps of their end."""
