"""A program's dossier as one page that stands by itself, for who has to see what was decided and may not have the API."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from domain.audit.chain import AuditEntry
from services.audit.dossiers import Dossier, Evidence, GateInDossier, RevisionInWords

_STYLE = """
:root { color-scheme: light dark; --page: #f6f6f3; --card: #fff; --ink: #1b1c1a; --quiet: #62645f; --rule: #dcddd6;
  --good: #1c6e43; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #151614; --card: #1f201e; --ink: #ecece6; --quiet: #a3a59d;
  --rule: #393b37; --good: #6cc796; --bad: #f2938b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 24px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 40px 0 8px; } h3 { font-size: 16px; margin: 20px 0 6px; }
p, li { max-width: 95ch; } p { margin: 4px 0; } .quiet { color: var(--quiet); }
code { font-size: 13px; overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 4px 18px 16px; margin: 16px 0; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 5px 10px 5px 0; text-align: left; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--quiet); font-weight: 600; } td:first-child { white-space: nowrap; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
@media print { section { break-inside: avoid; } }
"""


def page(found: Dossier) -> str:
    """The page: first whether the trail is sound, then each gate with what it rests on, the revisions, and the whole trail."""
    title = f"{found.program.name}: what was decided"
    people = found.people
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="quiet">Program <code>{escape(found.program.id)}</code>, owner {_who(people, found.program.owner)}, stage '
        f"{_words(found.program.stage)} since {_at(found.program.stage_since)}. Exported at {_at(found.exported_at)}. "
        "Times are UTC.</p>",
        _soundness(found),
        "<h2>Gates</h2>",
        *(_gate(each, people) for each in found.gates),
        "" if found.gates else "<p>No gate has been opened yet.</p>",
        "<h2>Revisions</h2>",
        *(_revision(each, people) for each in found.revisions),
        "<h2>The whole audit trail</h2>",
        _trail(found.trail, people),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _soundness(found: Dossier) -> str:
    proof = found.verification
    if proof.misfit is not None:
        return (
            f'<p class="bad">The audit trail is not sound: entry {proof.misfit.number} is {_words(proof.misfit.problem)}. '
            "What stands here from that entry on proves nothing.</p>"
        )
    head = f" Head of the chain: <code>{proof.head.number}:{proof.head.hash}</code>." if proof.head else ""
    return f'<p class="good">The audit trail is sound: {proof.entries:,} entries, each as it was written.</p><p>{head}</p>'


def _gate(found: GateInDossier, people: Mapping[str, str]) -> str:
    state = found.state
    outcome = f"{_words(state.outcome)} at {_at(state.decided_at)}" if state.outcome else f"open, due {_at(state.due)}"
    good = "good" if state.outcome == "approved" else "bad" if state.outcome else "quiet"
    rules = ", ".join(f"{rule.count} {_words(rule.role)}" for rule in state.policy.rules)
    votes = [entry for entry in found.trail if entry.action == "vote" and entry.refusal is None]
    refused = [entry for entry in found.trail if entry.refusal is not None]
    parts = [
        f'<h3>{escape(state.subject.title)} <span class="{good}">{outcome}</span></h3>',
        f'<p class="quiet"><code>{escape(state.id)}</code>, opened {_at(state.opened_at)}. Asked for: {rules}. Left out (four '
        f"eyes): {', '.join(_who(people, each) for each in state.excluded) or 'nobody'}.</p>",
        f"<p>Digest of what was decided: <code>{state.subject.digest}</code></p>",
        _votes("Votes", votes, people),
        _votes("Not counted", refused, people),
        _evidence(found.evidence, people),
    ]
    return f"<section>{''.join(parts)}</section>"


def _votes(title: str, entries: Sequence[AuditEntry], people: Mapping[str, str]) -> str:
    rows = [
        [_at(entry.at), _actor(entry, people), _words(entry.role), _what(entry), escape(str(entry.details.get("reason", "")))]
        for entry in entries
    ]
    return _table(title, ("At", "Who", "As", "Answer", "Reason"), rows)


def _evidence(found: Evidence, people: Mapping[str, str]) -> str:
    edited = ", ".join(_who(people, each) for each in found.edited_by)
    parts = [f"<h3>What it rests on</h3><p>Revision {found.revision}, edited by {edited}.</p>"]
    if found.compared_with is not None:
        text = "".join(f"<li>{escape(each.told)} <span class='quiet'>({each.mark})</span></li>" for each in found.differences)
        parts.append(f"<p>Compared with revision {found.compared_with}:</p><ul>{text or '<li>nothing differs</li>'}</ul>")
    if found.impact is not None:
        parts.append(f"<p>Impact ({found.weight} amendment): {escape(found.impact.summary)}</p>")
    if found.prototype is not None:
        run = found.prototype
        figures = {str(name): _plain(value) for name, value in run.result.get("figures", {}).items()}
        asked = {each["figure"]: each for each in run.result.get("criteria", [])}
        rows = [[_words(name), figures.get(name, "-"), _bound(asked.get(name))] for name in {**asked, **figures}]
        verdict = f'<span class="{_passed(run.passed)}">{"passed" if run.passed else "failed"}</span>'
        parts.append(f"<p>Prototype on the log {escape(run.log)}, {_at(run.at)}: {verdict}</p>")
        parts.append(_table("", ("Figure", "Value", "Asked for"), rows))
    tests = [
        [
            escape(test.phase) + (f", attempt {test.attempt}" if test.attempt > 1 else ""),
            _at(test.at),
            _words(test.kind),
            "passed" if test.passed else "failed",
            _proof(test.evidence),
        ]
        for test in found.tests
    ]
    parts.append(_table("Tests", ("Phase", "At", "Kind", "Result", "Evidence"), tests))
    if found.readiness is not None:
        looked = [[escape(each.about), each.state, _words(each.owner), escape(each.why)] for each in found.readiness.findings]
        parts.append(f"<p>Readiness for the launch, {_at(found.readiness.at)}:</p>")
        parts.append(_table("", ("What", "State", "Whose", "Why"), looked))
    return "".join(parts)


def _proof(evidence: Mapping[str, Any]) -> str:
    scenarios = evidence.get("scenarios")
    if scenarios is None:
        return escape(str(evidence.get("said", "")))
    passed = sum(1 for each in scenarios if each["passed"])
    failed = "".join(f"; failed: {escape(str(each['name']))}" for each in scenarios if not each["passed"])
    return f"{passed} of {len(scenarios)} scenarios passed{failed}"


def _bound(criterion: Mapping[str, Any] | None) -> str:
    if criterion is None:
        return ""
    sides = [f"{_words(side)} {_plain(criterion[side])}" for side in ("at_least", "at_most") if criterion.get(side) is not None]
    return f"{', '.join(sides)}: {'passed' if criterion['passed'] else 'failed'}"


def _revision(found: RevisionInWords, people: Mapping[str, str]) -> str:
    sections = "".join(
        f"<p><b>{escape(section.heading)}</b></p><ul>{''.join(f'<li>{escape(line)}</li>' for line in section.lines)}</ul>"
        for section in found.sections
    )
    in_force = f", in force from {_at(found.effective_from)}" if found.effective_from else ""
    return (
        f"<section><h3>Revision {found.number}: {_words(found.status)}{in_force}</h3>"
        f"<p>Handed in by {_who(people, found.submitted_by)} at {_at(found.submitted_at)}</p>"
        f"<p>Digest: <code>{found.digest}</code></p>"
        f"<details><summary>What it says</summary>{sections}</details></section>"
    )


def _trail(trail: Iterable[AuditEntry], people: Mapping[str, str]) -> str:
    rows = [
        [
            str(entry.number),
            _at(entry.at),
            _actor(entry, people),
            _words(entry.action),
            escape(entry.about or ""),
            _what(entry) if entry.action == "vote" or entry.refusal else "",
            f"<code>{entry.hash[:16]}</code>",
        ]
        for entry in trail
    ]
    return _table("", ("Entry", "At", "Who", "What", "About", "Answer", "Hash"), rows)


def _what(entry: AuditEntry) -> str:
    answer = _words(str(entry.details.get("answer", entry.action)))
    return f'{answer}, <span class="bad">refused: {_words(entry.refusal)}</span>' if entry.refusal else answer


def _actor(entry: AuditEntry, people: Mapping[str, str]) -> str:
    whom = f" for {_who(people, entry.on_behalf_of)}" if entry.on_behalf_of else ""
    return _who(people, entry.actor) + whom


def _who(people: Mapping[str, str], person: str) -> str:
    name = people.get(person)
    return f"{escape(name)} ({escape(person)})" if name else escape(person)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already; nothing where there are no rows."""
    if not rows:
        return ""
    head = "".join(f"<th>{column}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    heading = f"<h3>{title}</h3>" if title else ""
    return f'{heading}<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _at(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}" if instant else "-"


def _plain(value: object) -> str:
    return escape("-" if value is None else str(value))


def _passed(passed: bool) -> str:
    return "good" if passed else "bad"


def _words(name: str | None) -> str:
    return escape((name or "-").replace("_", " "))
