"""Bookkeeping over the database: postings, estimates and the closing of periods."""
