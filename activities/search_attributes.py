"""The search attributes that Tenure sets: for people who look for a workflow, never read by the business logic."""

from temporalio.common import SearchAttributeKey

PROGRAM = SearchAttributeKey.for_keyword("Program")
STAGE = SearchAttributeKey.for_keyword("Stage")
OWNER = SearchAttributeKey.for_keyword("Owner")
PARTICIPANT = SearchAttributeKey.for_keyword("Participant")
TIER = SearchAttributeKey.for_keyword("Tier")
JOURNEY_STAGE = SearchAttributeKey.for_keyword("JourneyStage")
RISK_BAND = SearchAttributeKey.for_keyword("RiskBand")
AWAITING_ROLE = SearchAttributeKey.for_keyword_list("AwaitingRole")
DUE = SearchAttributeKey.for_datetime("Due")
REVISION = SearchAttributeKey.for_int("Revision")

SEARCH_ATTRIBUTES = (PROGRAM, STAGE, OWNER, PARTICIPANT, TIER, JOURNEY_STAGE, RISK_BAND, AWAITING_ROLE, DUE, REVISION)
