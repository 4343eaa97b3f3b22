"""What CKKS arrays do not hide."""

LEAKS = (
    "A decrypted number is off by noise that depends on the secret key: who is told enough of them, just as they were "
    "decrypted, finds the key. Results are for the key's holder; others are told what SecretKey.decrypt_to_tell gives.",
    "The noise of a result also depends on the plain numbers that it was computed with. Parameters that flood hide it "
    "by uniform noise, up to 2^-flood a ciphertext; parameters that do not (flood 0) show something of the plain "
    "numbers to the key's holder, and from enough results all of them.",
    "The size of that uniform noise tells the limits and norms that plain operands were given, or the powers of two "
    "above them where none were.",
    "Everybody sees shapes, packing, parameters, levels, which rotations a key is made for, and whether one array is "
    "sent twice.",
    "Who can time this process learns which plain numbers are zero, and may learn more.",
    "Ciphertexts can be altered in transit to other numbers within their bound, and one of another key under the same "
    "parameters cannot be told until it is decrypted: send them over sealed links.",
)
