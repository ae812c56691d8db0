"""`tenure definition`: check, explain, compare and scale definition files. Works without the API."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.core.errors import REFUSED
from cli.core.output import console, facts, heading
from cli.core.text import clean, count

if TYPE_CHECKING:
    from domain.definition.document import Definition
    from domain.definition.gates import GatePolicy
    from domain.definition.reading.file import Fault
    from domain.definition.rollout import Wave

app = typer.Typer(no_args_is_help=True, help="Check, explain and compare definition files; works without the API.")

DefinitionFile = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="The program definition, as YAML.")
]


@app.command()
def check(
    file: DefinitionFile, as_json: Annotated[bool, typer.Option("--json", help="Print the faults as JSON.")] = False
) -> None:
    """List all faults of a definition, each with its line and its remedy.

    Exit code 1 if there is any. Example: `tenure definition check examples/starbucks.yaml`
    """
    from domain.definition.document import Definition, digest
    from domain.definition.reading.file import read_definition

    found = read_definition(file.read_bytes())
    if as_json:
        import json

        whole = isinstance(found, Definition)
        faults = [] if isinstance(found, Definition) else [fault.model_dump(mode="json") for fault in found]
        answer = {"file": str(file), "clean": whole, "digest": digest(found) if isinstance(found, Definition) else None}
        typer.echo(json.dumps(answer | {"faults": faults}, ensure_ascii=False))
    elif isinstance(found, Definition):
        _summarize(file, found, digest(found))
    else:
        _print_faults(file, found)
    if not isinstance(found, Definition):
        raise typer.Exit(REFUSED)


@app.command()
def scale(
    file: DefinitionFile,
    factor: Annotated[float, typer.Option(help="The factor of speed; below 1 is slower.")],
) -> None:
    """Print the definition with every period divided by the factor, and nothing else changed.

    Example, days in seconds: `tenure definition scale examples/cd-club.yaml --factor 86400 > fast.yaml`
    """
    from domain.definition.document import scaled

    if not 0 < factor < float("inf"):
        raise typer.BadParameter("give a factor above 0", param_hint="--factor")
    found = sound(file)
    try:
        faster = scaled(found, factor)
    except ValueError as error:
        raise typer.BadParameter("a period of the program would come to nothing", param_hint="--factor") from error
    typer.echo(_as_yaml(faster), nl=False)


@app.command()
def explain(
    file: DefinitionFile, as_json: Annotated[bool, typer.Option("--json", help="Print the sections as JSON.")] = False
) -> None:
    """Explain a program in a product owner's words: earning, tiers, expiry of points, the end.

    Exit code 1 if the file has faults. Example: `tenure definition explain examples/marriott-bonvoy.yaml`
    """
    from domain.definition.explain import explained

    sections = explained(sound(file))
    if as_json:
        import json

        typer.echo(json.dumps([section._asdict() for section in sections], ensure_ascii=False))
        return
    for number, section in enumerate(sections):
        typer.echo(f"{chr(10) * bool(number)}{section.heading}")
        for line in section.lines:
            typer.echo(clean(f"  {line}"))


@app.command()
def diff(
    before: DefinitionFile,
    after: DefinitionFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """List the differences between two definitions in a product owner's words: editorial, minor or substantial.

    The gravest difference decides about the whole change. Exit code 0, whatever differs; 1 if a file has faults.
    Example: `tenure definition diff examples/hilton-honors-2025.yaml examples/hilton-honors-2026.yaml`
    """
    from domain.definition.diff import differences

    found = differences(sound(before), sound(after))
    if as_json:
        typer.echo(found.model_dump_json())
        return
    for each in found.differences:
        typer.echo(clean(f"{each.mark:<11}  {each.told}"))
    if found.mark is None:
        typer.echo("The two definitions mean the same.")
    else:
        typer.echo(f"{count(len(found.differences), 'difference')}; the change is {found.mark}.", err=True)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a definition, with which editors complete and check definition files.

    Example: `tenure definition schema > definition.schema.json`
    """
    from domain.definition.reference import schema

    typer.echo(schema(), nl=False)


@app.command()
def reference() -> None:
    """Print the reference of the definition language, as Markdown."""
    from domain.definition.reference import page

    typer.echo(page(), nl=False)


def sound(file: Path) -> "Definition":
    """The definition in the file; if it has faults, print them and exit with code 1."""
    from domain.definition.document import Definition
    from domain.definition.reading.file import read_definition

    found = read_definition(file.read_bytes())
    if isinstance(found, Definition):
        return found
    _print_faults(file, found)
    raise typer.Exit(REFUSED)


def _print_faults(file: Path, faults: "tuple[Fault, ...]") -> None:
    for fault in faults:
        place = f"{file}:{fault.line}" if fault.line is not None else str(file)
        typer.echo(clean(f"{place} {fault.path}: {fault.problem} — {fault.remedy}"))
    typer.echo(f"{count(len(faults), 'fault')} in {file}", err=True)


def _summarize(file: Path, definition: "Definition", digest: str) -> None:
    from domain.definition.expiry_kinds import expiry_rule

    out = console()
    out.print(heading(f"{file} is a sound definition."))
    every, prototype = definition.evaluation, definition.prototype
    tests = ", ".join(f"{phase.id} ({phase.kind.replace('_', ' ')})" for phase in definition.test_phases)
    expiry, rule = definition.expiry, expiry_rule(definition.expiry)
    out.print(
        facts(
            {
                "program": f"{definition.program}: {definition.name}",
                "digest": digest,
                "currency": f"{definition.currency.name} ({definition.currency.code}), money in {definition.money}",
                "tiers": ", ".join(tier.name for tier in definition.tiers),
                "earning": ", ".join(rule.id for rule in definition.earning),
                "rewards": ", ".join(f"{reward.id} ({reward.points:,})" for reward in definition.rewards),
                "expiry": f"{rule.short_name}, {expiry.after}" if rule.expires else rule.short_name,
                "gates": "; ".join(
                    f"{name}: {_policy(policy)}"
                    for name, policy in (
                        ("strategy", definition.gates.strategy),
                        ("launch", definition.gates.launch),
                        ("wind-down", definition.gates.wind_down),
                    )
                ),
                "prototype": f"on the log {prototype.transactions}, {count(len(prototype.criteria), 'criterion', 'criteria')}",
                "tests": tests,
                "waves": ", ".join(f"{wave.id} ({_audience(wave)})" for wave in definition.waves),
                "evaluation": f"every {every.every}: {', '.join(rule.kpi for rule in every.kpis)}",
                "wind-down": f"notice {definition.wind_down.notice}, redeem window {definition.wind_down.redeem_window}",
            }
        )
    )


def _policy(policy: "GatePolicy") -> str:
    return " + ".join(rule.role if rule.count == 1 else f"{rule.count} {rule.role}" for rule in policy.rules)


def _audience(wave: "Wave") -> str:
    return f"{wave.share.normalize():f} %" if wave.share is not None else f"cohort {wave.cohort}"


def _as_yaml(definition: "Definition") -> str:
    """The definition as YAML that reads back as the same definition: numbers as written, defaults left out."""
    import io
    from decimal import Decimal

    from ruamel.yaml import YAML
    from ruamel.yaml.nodes import ScalarNode
    from ruamel.yaml.representer import RoundTripRepresenter

    from domain.period import Period

    class Representer(RoundTripRepresenter):
        """Writes periods and decimals; a class of its own, because representers are registered for a class."""

    def number(representer: Any, value: Decimal) -> ScalarNode:
        text = format(value, "f")
        node: ScalarNode = representer.represent_scalar(
            "tag:yaml.org,2002:float" if "." in text else "tag:yaml.org,2002:int", text
        )
        return node

    def period(representer: Any, value: Period) -> ScalarNode:
        node: ScalarNode = representer.represent_str(str(value))
        return node

    Representer.add_representer(Decimal, number)
    Representer.add_representer(Period, period)
    Representer.add_representer(tuple, Representer.represent_list)
    yaml = YAML()
    yaml.Representer = Representer
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    written = io.StringIO()
    yaml.dump(definition.model_dump(exclude_defaults=True), written)
    return written.getvalue()
