"""The problems of programs and their definitions."""

from collections.abc import Sequence

from runtime.errors import TenureError


class DefinitionFaulty(TenureError):
    """The definition has faults; `errors` has every one with its line."""

    code = "definition_faulty"
    status = 422
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
    status = 409
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
    status = 409
    title = "The program has not been launched"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} has not been launched yet, so there is nothing to judge.",
            remedy="Evaluate it once a revision is in force; the program's open gates say what it waits for.",
        )


class NoRollout(TenureError):
    """Waves open while a program is in its rollout."""

    code = "no_rollout"
    status = 409
    title = "The program is not being rolled out"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} is not being rolled out.",
            remedy="See its stage with `tenure program status`: a rollout begins with the launch, and ends with the last wave.",
        )


class WaveBegun(TenureError):
    """A wave that has begun is as it was approved, to its end; so is the holdout from the first wave on."""

    code = "wave_begun"
    status = 409
    title = "What has begun cannot be changed"
    example = {"changed": ["friends", "holdout"]}

    def __init__(self, changed: Sequence[str]) -> None:
        super().__init__(
            f"The definition changes {', '.join(changed)}; the rollout has begun with what is in force there.",
            remedy="Keep what has begun as it is, and write what is new in waves after it.",
            field="holdout" if tuple(changed) == ("holdout",) else "waves",
        )


class ProgramDiffers(TenureError):
    """A revision was sent to another program than it names itself."""

    code = "program_differs"
    status = 422
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
    status = 409
    title = "The program has ended"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"The lifecycle of program {program!r} has ended.", remedy="Nothing can be changed in it; its report stays."
        )


class TierNotReplaced(TenureError):
    """Members would hold a tier that the new definition does not know."""

    code = "tier_not_replaced"
    status = 422
    title = "The definition leaves members without a tier"

    def __init__(self, tiers: Sequence[str]) -> None:
        super().__init__(
            f"The revision in force has, or members still hold, {', '.join(tiers)}, which this definition neither has nor "
            "replaces.",
            remedy=f"Write `replaces: [{', '.join(tiers)}]` under the tier that takes the place, or keep the tier.",
            field="tiers",
        )


class CurrencyDropped(TenureError):
    """Members may have points in a currency that the new definition does not know."""

    code = "currency_dropped"
    status = 422
    title = "The definition drops a currency"

    def __init__(self, currencies: Sequence[str]) -> None:
        super().__init__(
            f"The revision in force has {', '.join(currencies)}, and members may have points in it.",
            remedy="Keep it under `other_currencies`; without a rule or a conversion into it, nobody gets more of it.",
            field="other_currencies",
        )
