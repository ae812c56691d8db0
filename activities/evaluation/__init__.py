"""Side effects of evaluations: figures read and kept, and the Schedules that ask for them."""
