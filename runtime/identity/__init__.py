"""The identity of people and machines: signing keys, signatures, issuers, and the people file of development."""
