"""What is installed here, what runs, and what is wrong: probes that only look, and change nothing."""
