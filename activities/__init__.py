"""The side effects that workflows call: each names one thing done to the world, and does it once however often it is asked."""
