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
