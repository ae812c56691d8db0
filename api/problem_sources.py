"""Loads every module whose errors can be the answer to a request: the registry knows a code once its class is there."""

# ruff: noqa: F401

import api.errors.asking
import api.errors.identity
import api.errors.keys
import api.errors.requests
import api.errors.servers
import domain.acceptance.errors
import domain.acceptance.errors_readiness
import domain.errors_input
import domain.evaluation.errors
import domain.gates.errors
import domain.members.errors
import domain.points.errors
import domain.programs.errors
import domain.programs.errors_holds
import domain.refusals
import domain.reports.errors
import domain.rewards.errors
import ledger.errors
import services.accounting.errors
import store.errors
import store.gates.delegations
import store.notices.notices
