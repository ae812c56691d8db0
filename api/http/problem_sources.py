"""Loads every module whose errors can be the answer to a request: the registry knows a code once its class is there."""

# ruff: noqa: F401

import api.http.errors
import api.http.errors_access
import api.http.errors_idempotency
import api.http.errors_identity
import api.http.errors_server
import domain.acceptance.errors
import domain.acceptance.errors_readiness
import domain.errors_input
import domain.evaluation.errors
import domain.gates.errors
import domain.members.errors
import domain.points.errors
import domain.points.errors_ledger
import domain.programs.errors
import domain.programs.errors_holds
import domain.programs.errors_lifecycle
import domain.refusals
import domain.reports.errors
import domain.rewards.errors
import domain.rollout.errors
import ledger.errors
import services.accounting.errors
import store.errors
import store.gates.delegations
import store.notices.notices
