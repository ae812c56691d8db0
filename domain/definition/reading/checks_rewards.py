"""Checks of rewards and of joining: dates that leave time, rewards that scenarios redeem, a fee that can be paid."""

from collections.abc import Iterator

from domain.definition.reading.plain import Finding, Plain, choose, decimals_of, finer, scenarios


def rewards(whole: Plain) -> Iterator[Finding]:
    """Every reward is offered at some time."""
    for reward in whole["rewards"].items():
        begins, ends = reward["from"].moment, reward["until"].moment
        if begins and ends and begins.is_day and ends.is_day and ends.value <= begins.value:
            yield reward["until"].says(
                f"the reward ends on {ends}, and begins on {begins}: it is never offered", "write a later day"
            )


def scenario_rewards(whole: Plain) -> Iterator[Finding]:
    """Scenarios name existing rewards, and expect only those that they redeem."""
    known = [reward["id"].text for reward in whole["rewards"].items() if reward["id"].text]
    for scenario in scenarios(whole):
        asked = [event["redeem"] for event in scenario["events"].items() if event["redeem"].given]
        expected = scenario["expect"]["rewards"]
        redeemed = expected["redeemed"].items()
        for reward in [*asked, *redeemed, *expected["may_redeem"].items()]:
            if known and reward.text is not None and reward.text not in known:
                yield reward.says(f"there is no reward {reward.text!r}", choose(known, "add it to rewards"))
        for reward in redeemed:
            if reward.text in known and reward.text not in [each.text for each in asked]:
                yield reward.says(
                    f"nothing in the scenario redeems {reward.text!r}",
                    f"add an event with redeem: {reward.text}, or take it away",
                )


def joining(whole: Plain) -> Iterator[Finding]:
    """The fee is in whole smallest units of money."""
    fee, decimals = whole["joining"]["fee"].number, decimals_of(whole)
    if fee is not None and decimals is not None and finer(fee, decimals):
        yield whole["joining"]["fee"].says(
            f"{fee} is finer than the money's smallest unit", f"write at most {decimals} decimals"
        )
