"""What Paillier arrays do not hide."""

LEAKS = (
    "The holder of the key reads exact plaintexts, all fractional bits of a product: from enough exact sums X^T r an r "
    "can be solved for. Mask, or name the leak.",
    "Everybody sees shapes, fractions, bounds, the number of ciphertexts, and whether one array is sent twice.",
    "Who can time this process or watch its caches learns something of plain factors, of exponents and of the primes.",
    "Ciphertexts can be altered in transit to other plaintexts within their bound: send them over sealed links.",
)
