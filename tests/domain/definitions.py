"""A small, faultless definition for the tests of the rules, as text and as a value, and ways to change it."""

from typing import Any

from domain.definition.document import Definition
from domain.definition.reading.file import read_definition

SMALL = """\
format: tenure/1
program: small
name: Small
summary: A program for tests.
time_zone: Europe/London
money: GBP
agreement:
  version: "1"
objectives:
  - name: Activity
    kpi: active_rate
    at_least: 0.5
    within: P6M
currency:
  code: PTS
  name: Points
  value_per_point: 0.01
  cost_per_point: 0.005
  expected_redemption_rate: 0.8
counters:
  - id: spend
    counts: amount
  - id: visits
    counts: events
tiers:
  - id: blue
    name: Blue
  - id: silver
    name: Silver
    reach:
      any:
        - counter: spend
          at_least: 100
        - counter: visits
          at_least: 5
    keep:
      all:
        - counter: spend
          at_least: 50
    valid_for: P12M
  - id: gold
    name: Gold
    reach:
      all:
        - counter: spend
          at_least: 500
        - counter: visits
          at_least: 5
    valid_for: P12M
earning:
  - id: per-pound
    event: purchase
    rate: 2
    tier_rates:
      gold: 3
rewards:
  - id: mug
    name: A mug
    points: 100
expiry:
  kind: after_earning
  after: P6M
  unless_active_every: P1M
  exempt_tiers: [gold]
gates:
  strategy:
    rules:
      - role: marketing
  launch:
    rules:
      - role: finance
        count: 2
      - role: legal
  wind_down:
    rules:
      - role: finance
prototype:
  transactions: some-log
  burn_share: 0.5
  criteria:
    - figure: points_per_member
      at_least: 1
test_phases:
  - id: rules
    kind: scenario
    scenarios:
      - name: One purchase
        events:
          - event: purchase
            amount: 10
        expect:
          points: 20
          tier: blue
  - id: people
    kind: sign_off
    gate:
      rules:
        - role: operations
waves:
  - id: few
    share: 10
    minimum_time: P1M
  - id: all
    share: 100
    minimum_time: P1M
evaluation:
  every: P3M
  kpis:
    - kpi: active_rate
      window: P3M
      thresholds:
        - below: 0.3
          consequence: alert
        - below: 0.1
          consequence: propose_end
retention:
  silent_after: P90D
  offer:
    points: 50
    message: Come back
  answer_within: P14D
  at_most_every: P1Y
"""


def small(**changes: Any) -> Definition:
    """The small definition, with whole sections replaced by plain data."""
    definition = read_definition(SMALL)
    assert isinstance(definition, Definition), definition
    return Definition.model_validate(definition.model_dump() | changes)


def changed(*changes: tuple[str, str]) -> str:
    """The small definition's text with each first text replaced by the second; each must occur exactly once."""
    text = SMALL
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
        text = text.replace(old, new)
    return text
