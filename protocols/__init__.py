"""The protocols, one idea a file: messages, correlations, rules with their declared costs, and their suites."""

if __name__ != "mpcfl.protocols":
    raise ImportError("import this package as mpcfl.protocols: a top-level name 'protocols' collides in site-packages")
