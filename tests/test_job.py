"""Job files: what they say, when two are the same, and how a wrong one is refused."""

from pathlib import Path

import pytest

from mpcfl.data import ColumnOptions
from mpcfl.errors import InputError, UsageError
from mpcfl.examples import credit
from mpcfl.job import Job
from mpcfl.learn import LogisticRegression

SHORTEST = """
[job]
name = "credit"
learner = "logistic_regression"
id = "customer"
label = "bank.bad"
"""


def parse(text: str) -> Job:
    return Job.from_text(text, "job.toml")


def test_defaults() -> None:
    job = parse(SHORTEST)
    assert (job.label_party, job.label_column, job.job.seed) == ("bank", "bad", 0)
    assert (job.engine.fraction, job.engine.suite, job.engine.offline) == (18, "semi2k", "dealer")
    assert (job.disclose.model, job.disclose.metrics, job.split.test) == ((), (), 0.25)
    assert job.prepare.options("bank", ["age"]) == {"age": ColumnOptions(None, "median", "standard")}
    assert job.columns_of("bank", ["customer", "bad", "age"]) == ["age"]
    assert job.columns_of("bureau", ["bad", "customer", "debt"]) == ["bad", "debt"]
    assert job.rank_order(["bureau", "bank"]) == ["bureau", "bank"]
    assert job.make_learner().get_params() == LogisticRegression().get_params()


def test_everything_said() -> None:
    job = parse(
        SHORTEST
        + """
seed = 5
[columns]
bureau = ["debt", "job"]
bank = ["age", "net.worth"]
[prepare]
missing = "mean"
[prepare.columns]
"bank.age" = { type = "text", missing = "refuse" }
"bank.net.worth" = { scale = "none" }
[split]
test = 0
[learner]
learning_rate = 1
epochs = 3
class_weight = { 0 = 1, 1 = 2.5 }
[engine]
fraction = 24
[disclose]
model = ["bureau"]
"""
    )
    assert job.rank_order(["bank", "bureau", "telecom"]) == ["bureau", "bank", "telecom"]
    assert job.columns_of("bank", ["customer", "bad", "age", "net.worth", "other"]) == ["age", "net.worth"]
    assert job.prepare.options("bank", ["age", "net.worth", "home"]) == {
        "age": ColumnOptions("text", "refuse", "standard"),
        "net.worth": ColumnOptions(None, "mean", "none"),
        "home": ColumnOptions(None, "mean", "standard"),
    }
    learner = job.make_learner()
    assert (learner.seed, learner.epochs, learner.class_weight) == (5, 3, {0: 1.0, 1: 2.5})
    assert isinstance(learner.learning_rate, float)
    job.check(["bank", "bureau"])


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\n" + SHORTEST,
        SHORTEST.replace(" = ", "="),
        SHORTEST + "seed = 0\n[engine]\nsuite = 'semi2k'\nfraction = 18",
        SHORTEST + "[learner]\nmomentum = 0.9\n[disclose]",
        '[prepare]\ntext = "one_hot"\n' + SHORTEST,
    ],
)
def test_what_does_not_matter_leaves_the_hash(text: str) -> None:
    assert parse(text).hash() == parse(SHORTEST).hash()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (SHORTEST + "seed = 1", "job.seed"),
        (SHORTEST.replace('"credit"', '"other"'), "job.name"),
        (SHORTEST + "[learner]\nl2 = 0.5", "learner.l2"),
        (SHORTEST + "[engine]\nfraction = 17", "engine.fraction"),
        (SHORTEST + "[columns]\nbank = ['age']", "columns"),
        (SHORTEST + "[disclose]\nmetrics = ['bank']", "disclose.metrics"),
        (SHORTEST + '[prepare.columns]\n"bank.age" = { type = "text" }', "prepare.columns"),
    ],
)
def test_a_difference_changes_the_hash_and_is_named(text: str, key: str) -> None:
    one, other = parse(SHORTEST), parse(text)
    assert one.hash() != other.hash()
    differing = {name for name, value in one.entries().items() if other.entries()[name] != value}
    # A job's seed is its learner's too.
    assert differing == {key} | ({"learner.seed"} if key == "job.seed" else set())


def test_the_order_of_parties_matters_and_that_of_disclosures_does_not() -> None:
    def job(columns: str, model: str) -> str:
        return parse(SHORTEST + f"[columns]\n{columns}\n[disclose]\nmodel = {model}").hash()

    first = job("bank = ['a']\nbureau = ['b']", "['bank', 'bureau']")
    assert first == job("bank = ['a']\nbureau = ['b']", "['bureau', 'bank']")
    assert first != job("bureau = ['b']\nbank = ['a']", "['bank', 'bureau']")


def test_the_hash_is_the_same_in_every_process() -> None:
    assert parse(SHORTEST).hash() == "8731ccfcdcb9254cf3ad52dc5d0bd1ba436cf5014638ce14247fce099a2954e5"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("job =", "is not TOML: "),
        ("", "job is missing."),
        ("job = 3", "job must be a table."),
        (SHORTEST.replace('id = "customer"', ""), "job.id is missing."),
        (SHORTEST.replace("customer", ""), "job.id must have at least 1 character."),
        (SHORTEST.replace("bank.bad", "bad"), "job.label must be written PARTY.COLUMN."),
        (SHORTEST + "seed = '1'", "job.seed must be a valid integer."),
        (SHORTEST + "seed = true", "job.seed must be a valid integer."),
        (SHORTEST + "seed = -1", "job.seed must be greater than or equal to 0."),
        (SHORTEST + "sed = 1", "(did you mean seed?): there is name, learner, id, label, partition, seed."),
        (SHORTEST + "[engines]", "engines is no key of a job here (did you mean engine?): there is job, columns,"),
        (SHORTEST + "[stopping]\npatient = 3", "stopping.patient is no key of a job here (did you mean patience?)"),
        (SHORTEST.replace("logistic_", "logistic"), "(did you mean logistic_regression?)"),
        (
            SHORTEST + "[learner]\nepoch = 3",
            "learner.epoch is no parameter of logistic_regression (did you mean epochs?)",
        ),
        (SHORTEST + "[learner]\nepochs = 3.0", "learner.epochs is refused: epochs must be an integer of at least 1."),
        (SHORTEST + "[learner]\nl2 = nan", "learner.l2 is refused: l2 must be a finite number of at least 0."),
        (SHORTEST + f"[learner]\nl2 = {10**400}", "learner.l2 is refused: l2 must be a finite number of at least 0."),
        (SHORTEST + f"[split]\ntest = {10**400}", "split.test must be"),
        (SHORTEST + "[learner]\nclass_weight = 'balanced'", "learner.class_weight is refused: "),
        (SHORTEST + "[learner]\nclass_weight = {a = 1}", "learner.class_weight has no classes but numbers from 0."),
        (SHORTEST + "[engine]\nfraction = 7", "engine.fraction must be greater than or equal to 8."),
        (
            SHORTEST + "[engine]\nfraction = 25",
            "engine.fraction must be at most 24 in ring 64; ring = 128 takes up to 56.",
        ),
        (SHORTEST + "[engine]\nring = 128\nfraction = 57", "engine.fraction must be less than or equal to 56."),
        (SHORTEST + "[engine]\nring = 32", "engine.ring must be 64 or 128."),
        (SHORTEST + "[engine]\nfraction = 18.0", "engine.fraction must be a valid integer."),
        (SHORTEST + "[engine]\nsuite = 'semi'", "engine.suite must be 'semi2k'."),
        (SHORTEST + "[split]\ntest = 1.0", "split.test must be less than 1."),
        (SHORTEST + "[split]\ntest = nan", "split.test must be a finite number."),
        (SHORTEST + "[split]\ntest = '0.5'", "split.test must be a valid number."),
        (
            SHORTEST + "[split]\ntest = 0\n[disclose]\nmetrics = ['bank']",
            "split.test must be more than 0 where metrics",
        ),
        (SHORTEST + "[prepare]\nmissing = 'drop'", "prepare.missing must be 'median', 'mean', 'zero' or 'refuse'."),
        (SHORTEST + "[prepare.columns]\nage = {}", "prepare.columns.age must be written PARTY.COLUMN."),
        (SHORTEST + '[prepare.columns]\n"bank.age" = {kind="text"}', "there is type, missing, scale, categories, fill"),
        (
            SHORTEST + '[columns]\nbank = ["age"]\n[prepare.columns]\n"bank.home" = {}',
            'prepare.columns."bank.home" prepares a column that columns.bank does not name.',
        ),
        (SHORTEST + "[columns]\nbank = 'age'", "columns.bank must be a list."),
        (SHORTEST + "[columns]\nbank = [1]", "columns.bank.0 must be a valid string."),
        (SHORTEST + "[columns]\nbank = ['age', 'age']", "columns.bank names something twice."),
        (SHORTEST + "[columns]\nbank = ['bad']", "columns.bank must name neither the id nor the label."),
        (SHORTEST + "[columns]\nbureau = ['customer']", "columns.bureau must name neither the id nor the label."),
        (SHORTEST + "[disclose]\nmodel = ['bank', 'bank']", "disclose.model names something twice."),
    ],
)
def test_a_wrong_job_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse(text)
    reason = refusal.value.reason
    assert refusal.value.code == 3
    assert reason.startswith("job.toml")
    assert sentence in reason
    assert reason.endswith(".")
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (SHORTEST.replace("bank.bad", "banks.bad"), "job.label"),
        (SHORTEST + "[columns]\nbanks = ['age']", "columns.banks"),
        (SHORTEST + '[prepare.columns]\n"banks.age" = {}', 'prepare.columns."banks.age"'),
        (SHORTEST + "[disclose]\nmodel = ['bank', 'banks']", "disclose.model"),
        (SHORTEST + "[disclose]\nmetrics = ['banks']", "disclose.metrics"),
    ],
)
def test_a_party_that_does_not_take_part_is_refused_when_the_parties_are_known(text: str, key: str) -> None:
    job = parse(text)
    job.check(["bank", "banks", "bureau"])
    with pytest.raises(InputError, match="no party 'banks' takes part, only bank, bureau") as refusal:
        job.check(["bank", "bureau"])
    assert refusal.value.ids == {"key": key, "party": "banks"}


def test_loading(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    with pytest.raises(UsageError, match=r"my\.toml cannot be read: No such file"):
        Job.load(path)
    path.write_bytes(b"\xef\xbb\xbf" + SHORTEST.encode())
    assert Job.load(path).hash() == parse(SHORTEST).hash()
    path.write_bytes(SHORTEST.encode() + b"# \xff")
    with pytest.raises(InputError, match=r"my\.toml is not UTF-8"):
        Job.load(path)


def test_the_credit_example() -> None:
    job = Job.load(credit.path("job.toml"))
    job.check(["bank", "bureau"])
    assert job.rank_order(["bureau", "bank"]) == ["bank", "bureau"]
    assert job.disclose.model == job.disclose.metrics == ("bank", "bureau")
    with pytest.raises(UsageError, match=r"has no file 'jobs\.toml'"):
        credit.path("jobs.toml")
