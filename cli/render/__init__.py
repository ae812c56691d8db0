"""How programs, gates, reports and figures are printed for people."""
