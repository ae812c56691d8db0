"""Money in its smallest unit: how many decimals each currency of ISO 4217 has."""

from decimal import Context, Decimal

_EXACT = Context(prec=80)
"""Enough digits that no product here is rounded too early."""
_TWO_DECIMALS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY "
    "COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR "
    "IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD "
    "NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"
_EXPONENTS = (
    dict.fromkeys(_TWO_DECIMALS.split(), 2)
    | dict.fromkeys(_NO_DECIMALS.split(), 0)
    | dict.fromkeys(_THREE_DECIMALS.split(), 3)
    | dict.fromkeys(_FOUR_DECIMALS.split(), 4)
)


def exponent(money: str) -> int:
    """The number of decimals of a currency (ISO 4217): 2 for USD, 0 for JPY. Raises ValueError for an unknown code."""
    try:
        return _EXPONENTS[money]
    except KeyError:
        raise ValueError(f"{money!r} is not a currency of ISO 4217; write for instance USD, EUR or JPY") from None


def smallest_units(money: str, amount: Decimal) -> int:
    """The amount in the currency's smallest unit (12.50 USD is 1250).

    Raises ValueError for an amount finer than that unit, because nothing is rounded here, and for an unknown currency.
    """
    decimals = exponent(money)
    units = amount.scaleb(decimals, _EXACT)
    if units != units.to_integral_value(context=_EXACT):
        raise ValueError(f"{amount} {money} is finer than the smallest unit; write at most {decimals} decimals")
    return int(units)


def in_units(money: str, amount: Decimal) -> Decimal:
    """An exact amount of money (units) rounded half-even to the currency's smallest unit, for display and reports."""
    return amount.quantize(Decimal(1).scaleb(-exponent(money)), context=_EXACT)
