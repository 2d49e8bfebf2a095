import typst

from taskorder.inference.spec import parse_model
from taskorder.reporting import equation

ORDER = {
    "name": "order",
    "fixed": {"terms": ["1", "train_size", "train_size:steps"]},
    "sequence": {"moderators": ["difficulty", "difficulty:similarity"], "recency": True},
    "groups": {"study": {"by": ["1", "train_size"]}, "backbone": {"by": ["stage", "difficulty"]}},
}


def test_the_equation_has_every_part_of_the_model() -> None:
    lines = " ".join(equation.lines(parse_model(ORDER)))
    for part in (
        "arcsin",
        "w_k",
        "exp(-lambda",
        'gamma_("difficulty")',
        '"train size"_(i)',
        '"backbone"',
        "alpha",
    ):
        assert part in lines


def test_a_meta_analysis_has_known_variances_only() -> None:
    spec = parse_model(
        {
            "name": "meta",
            "data": {"schema": "any"},
            "outcome": {"column": "yi", "scale": "identity", "variance": "vi"},
            "residual": {"sd": 0},
        }
    )
    lines = equation.lines(spec)
    assert lines[0] == 'z_i &= "yi"_i'
    assert "v_i)" in lines[1]
    assert "sigma" not in " ".join(lines)
    assert "sigma" not in " ".join(entry["symbol"] for entry in equation.legend(spec))


def test_every_line_and_symbol_is_mathematics_that_typst_reads() -> None:
    spec = parse_model(ORDER)
    sources = [" \\ ".join(equation.lines(spec)), *equation.symbols(spec).values()]
    sources += [entry["symbol"] for entry in equation.legend(spec)]
    document = "\n".join(f"$ {source} $" for source in sources)
    assert typst.compile(document.encode(), format="pdf")


def test_every_parameter_with_a_prior_has_a_symbol() -> None:
    spec = parse_model(ORDER)
    assert set(equation.symbols(spec)) >= {
        "1",
        "stage",
        "difficulty",
        "recency",
        "residual",
        *spec.sd_names(),
    }


def model(likelihood: str, **content: object) -> list[str]:
    spec = {"name": "m", "outcome": {"scale": "logit", "likelihood": likelihood}} | content
    return equation.lines(parse_model(spec))


def test_counts_are_successes_out_of_trials() -> None:
    binomial, beta = model("binomial"), model("beta_binomial", residual={"by": "study"})
    assert "Binomial" in binomial[1]
    assert "sigma" not in " ".join(binomial)
    assert "BetaBinomial" in beta[1]
    assert "phi_(r[i])" in beta[1]
    assert any(line.startswith("log phi_r") for line in beta)


def test_outliers_have_heavy_tails() -> None:
    lines = model("student_t")
    assert "t_nu (eta_i" in lines[1]
    assert {"nu", "sigma"} <= {entry["symbol"] for entry in equation.legend(parse_model(STUDENT))}


STUDENT = {"name": "m", "outcome": {"likelihood": "student_t"}}


def test_every_likelihood_is_mathematics_that_typst_reads() -> None:
    content: list[dict[str, object]] = [
        {"name": "m", "outcome": {"likelihood": name, "scale": "logit"}, "residual": {"by": "study"}}
        for name in ("normal", "student_t", "beta_binomial")
    ]
    content.append({"name": "m", "outcome": {"likelihood": "binomial", "scale": "logit"}})
    for entry in content:
        spec = parse_model(entry)
        sources = [" \\ ".join(equation.lines(spec)), *equation.symbols(spec).values()]
        sources += [one["symbol"] for one in equation.legend(spec)]
        assert typst.compile("\n".join(f"$ {source} $" for source in sources).encode(), format="pdf")


def test_long_expectations_are_broken_into_lines() -> None:
    groups = {f"g{i}": {} for i in range(7)}
    eta = next(
        line for line in equation.lines(parse_model({"name": "m", "groups": groups})) if "eta_i &=" in line
    )
    assert eta.count("\\ &quad + ") == 2
