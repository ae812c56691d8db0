"""The problems of programs and their definitions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from domain.errors import TenureError


class DefinitionFaulty(TenureError):
    """The definition has faults; `errors` has every one with its line."""

    code = "definition_faulty"
    category = "invalid"
    title = "The definition has faults"

    def __init__(self, errors: list[dict[str, object]]) -> None:
        super().__init__(
            f"The definition has {len(errors)} fault{'s' if len(errors) != 1 else ''}.",
            remedy="Correct what `errors` names; `tenure definition check FILE` shows the same.",
            field="body",
        )
        self.errors = errors


class ProgramExists(TenureError):
    """A program's lifecycle begins once, also where it has ended."""

    code = "program_exists"
    category = "conflict"
    title = "The program has begun already"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"The lifecycle of program {program!r} has begun already.",
            remedy="Hand in a further revision, or give the program another id.",
            field="program",
        )


class NotLaunched(TenureError):
    """What was asked for needs a revision in force, and there is none yet."""

    code = "not_launched"
    category = "conflict"
    title = "The program has not been launched"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} has not been launched yet, so there is nothing to judge.",
            remedy="Evaluate it once a revision is in force; the program's open gates say what it waits for.",
        )


class NoRollout(TenureError):
    """Waves open while a program is in its rollout."""

    code = "no_rollout"
    category = "conflict"
    title = "The program is not being rolled out"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} is not being rolled out.",
            remedy="See its stage with `tenure program status`: a rollout begins with the launch, and ends with the last wave.",
        )


class WaveBegun(TenureError):
    """A wave that has begun is as it was approved, to its end; so is the holdout from the first wave on."""

    code = "wave_begun"
    category = "conflict"
    title = "What has begun cannot be changed"
    example = {"changed": ["friends", "holdout"]}

    def __init__(self, changed: Sequence[str]) -> None:
        super().__init__(
            f"The definition changes {', '.join(changed)}; the rollout has begun with what is in force there.",
            remedy="Keep what has begun as it is, and write what is new in waves after it.",
            field="holdout" if tuple(changed) == ("holdout",) else "waves",
        )


class NoHoldout(TenureError):
    """What people buy outside a program is kept for one reason: to compare its members with a holdout."""

    code = "no_holdout"
    category = "conflict"
    title = "The program has no holdout"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} keeps nobody out to be compared with, so it keeps nothing of those who are no members.",
            remedy="Post the events of members alone; a holdout is part of a definition before its first wave.",
        )


class ProgramDiffers(TenureError):
    """A revision was sent to another program than it names itself."""

    code = "program_differs"
    category = "invalid"
    title = "The definition is of another program"

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            f"The definition is of program {found!r}, not of {expected!r}.",
            remedy="Send it to its own program.",
            field="program",
        )


class ProgramEnded(TenureError):
    """The program is closed or rejected."""

    code = "program_ended"
    category = "conflict"
    title = "The program has ended"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"The lifecycle of program {program!r} has ended.", remedy="Nothing can be changed in it; its report stays."
        )


class TierNotReplaced(TenureError):
    """Members would hold a tier that the new definition does not know."""

    code = "tier_not_replaced"
    category = "invalid"
    title = "The definition leaves members without a tier"

    def __init__(self, tiers: Sequence[str]) -> None:
        super().__init__(
            f"The revision in force has, or members still hold, {', '.join(tiers)}, which this definition neither has nor "
            "replaces.",
            remedy=f"Write `replaces: [{', '.join(tiers)}]` under the tier that takes the place, or keep the tier.",
            field="tiers",
        )


class CounterDropped(TenureError):
    """Members would be judged by a counter that the new definition does not know."""

    code = "counter_dropped"
    category = "invalid"
    title = "The definition drops a counter by which tiers are held"
    example: ClassVar = {"counters": ["nights"]}

    def __init__(self, counters: Sequence[str]) -> None:
        super().__init__(
            f"With `transition: grandfather`, members keep tiers by conditions that ask for {', '.join(counters)}, which this "
            "definition does not count any more: nobody could meet them again.",
            remedy="Keep the counter, with or without a tier that asks for it, or choose another transition.",
            field="counters",
        )


class EffectiveDatePast(TenureError):
    """An amendment rates what happens from its date on, so that the date must be still to come."""

    code = "effective_date_past"
    category = "invalid"
    title = "The effective date has passed"
    example: ClassVar = {"asked": datetime(2026, 3, 10, 9, 30, tzinfo=UTC)}

    def __init__(self, asked: datetime) -> None:
        super().__init__(
            f"{asked:%Y-%m-%d %H:%M:%S} UTC has passed: what has happened since then is rated.",
            remedy="Name a date that is still to come, or none: the revision then takes effect as soon as it may.",
            field="effective_from",
        )


class EffectiveDateFar(TenureError):
    """An amendment can be decided so long before its date, and no longer."""

    code = "effective_date_far"
    category = "invalid"
    title = "The effective date is too far off"
    example: ClassVar = {"asked": datetime(2099, 1, 1, tzinfo=UTC), "latest": datetime(2031, 1, 1, tzinfo=UTC)}

    def __init__(self, asked: datetime, latest: datetime) -> None:
        super().__init__(
            f"{asked:%Y-%m-%d} is too far off.",
            remedy=f"Name a date before {latest:%Y-%m-%d}, or hand the revision in nearer to its time.",
            field="effective_from",
        )


class WeightUnderstated(TenureError):
    """A substantial amendment was declared to be minor."""

    code = "weight_understated"
    category = "invalid"
    title = "The amendment is substantial"
    example: ClassVar = {"reasons": ["Gold now needs 600 GBP of spend instead of 500."]}

    def __init__(self, reasons: Sequence[str]) -> None:
        more = f" (and {len(reasons) - 3} more)" if len(reasons) > 3 else ""
        super().__init__(
            f"The amendment is declared minor, and is substantial: {' '.join(reasons[:3])}{more}",
            remedy="Leave the weight out, or take back what is substantial; `tenure program diff` shows it.",
            field="weight",
        )


class NeverInForce(TenureError):
    """What is restored is what members had."""

    code = "never_in_force"
    category = "conflict"
    title = "The revision was never in force"

    def __init__(self, program: str, number: int) -> None:
        super().__init__(
            f"Revision {number} of program {program!r} was never in force, so that there is nothing to go back to.",
            remedy="Restore one that is superseded, or hand the definition in with `tenure program revise`.",
            field="number",
        )


class NothingToRestore(TenureError):
    """The revision is in force."""

    code = "nothing_to_restore"
    category = "conflict"
    title = "The revision is in force"

    def __init__(self, program: str, number: int) -> None:
        super().__init__(
            f"Revision {number} of program {program!r} is the one in force.",
            remedy="Restore an earlier one; `tenure program revisions` lists them.",
            field="number",
        )


class ImpactUnknown(TenureError):
    """An impact is computed when the launch gate of an amendment is about to open."""

    code = "impact_unknown"
    category = "not_found"
    title = "No impact is known of the revision"

    def __init__(self, program: str, number: int) -> None:
        super().__init__(
            f"What revision {number} of program {program!r} means for members is not computed.",
            remedy="It is computed for amendments, when their launch gate is about to open; look again then.",
            field="number",
        )


class CurrencyDropped(TenureError):
    """Members may have points in a currency that the new definition does not know."""

    code = "currency_dropped"
    category = "invalid"
    title = "The definition drops a currency"

    def __init__(self, currencies: Sequence[str]) -> None:
        super().__init__(
            f"The revision in force has {', '.join(currencies)}, and members may have points in it.",
            remedy="Keep it under `other_currencies`; without a rule or a conversion into it, nobody gets more of it.",
            field="other_currencies",
        )
