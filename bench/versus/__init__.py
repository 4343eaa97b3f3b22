"""`python -m bench he-vs-ss`: what the same task costs under homomorphic encryption and on shares."""
