"""Notices as they are kept, until they are delivered or given up."""
