"""Checks of a definition's end: the law of its jurisdictions, and the remainder of the points."""

from collections.abc import Iterator
from typing import cast

from domain.definition.jurisdictions import PROFILES, Jurisdiction, Profile
from domain.definition.jurisdictions import floors as floors_of
from domain.definition.reading.plain import Finding, Plain, choose


def floors(whole: Plain) -> Iterator[Finding]:
    """The redeem-only time is not below the strictest legal minimum of the definition's jurisdictions."""
    window = whole["wind_down"]["redeem_window"]
    written = window.period
    if written is None:
        return
    for place, floor in floors_of(cast("Jurisdiction", name) for name, _ in _places(whole)):
        if written.approximate() < floor.redeem_window.approximate():
            yield window.says(
                f"{written} is below the legal floor of {floor.redeem_window} in {place}",
                f"write {floor.redeem_window} or longer: {floor.source}",
            )
            return


def late_files(whole: Plain) -> Iterator[Finding]:
    end = whole["wind_down"]
    late, window = end["late_files"].period, end["redeem_window"].period
    if late is not None and window is not None and late.approximate() > window.approximate():
        yield end["late_files"].says(
            f"late files would count for {late}, and points can be redeemed for {window}",
            "write it no longer than redeem_window: what comes later could not be redeemed any more",
        )


def remainder(whole: Plain) -> Iterator[Finding]:
    """Points that are converted need a partner and a rate for each currency; others need neither."""
    end = whole["wind_down"]
    into = end["into"]
    if end["remainder"].text != "convert":
        if into.given:
            yield into.says("what is left is not converted", "write remainder: convert, or take into away")
        return
    if not into.given:
        yield end["remainder"].says(
            "does not say into whose points what is left is converted", "add into under wind_down, with a partner and its rates"
        )
        return
    partners = [each["id"].text for each in whole["partners"].items() if each["id"].text]
    if into["partner"].text is not None and into["partner"].text not in partners:
        yield into["partner"].says(f"there is no partner {into['partner'].text!r}", choose(partners, "add it to partners"))
    currencies = [each["code"].text for each in (whole["currency"], *whole["other_currencies"].items()) if each["code"].text]
    written = into["rates"].value if isinstance(into["rates"].value, dict) else {}
    for code in currencies:
        if code not in written:
            yield into["rates"].says(f"{code} has no rate", f"add {code}, with how many of the partner's points one becomes")
    for code in written:
        if currencies and code not in currencies:
            yield into["rates"][str(code)].says(f"there is no currency {code!r}", choose(currencies, "take it away"))


def personal_data(whole: Plain) -> Iterator[Finding]:
    kept = whole["wind_down"]["personal_data"]
    for name, profile in _places(whole):
        if kept.text == "keep" and profile.erasure is not None:
            yield kept.says(
                f"in {name}, {profile.erasure.description}",
                f"write erase, and keep_for as long as it is needed: {profile.erasure.source}",
            )
            return


def _places(whole: Plain) -> Iterator[tuple[str, Profile]]:
    for place in whole["jurisdictions"].items():
        profile = PROFILES.get(cast("Jurisdiction", place.text)) if place.text else None
        if profile is not None:
            yield str(place.text), profile
