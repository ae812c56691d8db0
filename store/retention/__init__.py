"""Offers to members who fell silent, and members' answers to surveys."""
