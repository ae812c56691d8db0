"""Who asks, and one table of what each role may do: every route but the open ones goes through `require`."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, get_args

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.auth.caller import Principal
from api.auth.credentials import Credentials
from api.http.errors_access import NotAllowed, TokenMissing
from api.http.errors_identity import NotForMachines
from api.http.rate_limits import Expensive, Rates
from domain import ids
from domain.errors import TenureError
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.programs.holds import LIFTED_BY
from store.errors import GateUnknown, ProgramUnknown

Action = Literal[
    "start a program",
    "revise a program",
    "end a program",
    "hold a program",
    "halt a program",
    "resume a program",
    "evaluate a program",
    "schedule evaluations",
    "read programs",
    "decide at a gate",
    "sign readiness",
    "delegate",
    "load a transaction log",
    "invite members",
    "gather cohorts",
    "pause a rollout",
    "release a rollout",
    "abort a rollout",
    "run a prototype",
    "serve members",
    "confirm points",
    "transfer points",
    "convert points",
    "correct points",
    "stock rewards",
    "read members",
    "check the ledger",
    "read the audit trail",
    "see to notices",
    "read the books",
    "keep the books",
    "manage API keys",
]
_EVERYBODY: frozenset[Role] = frozenset(get_args(Role))
PERMISSIONS: dict[Action, frozenset[Role]] = {
    "start a program": frozenset({"product_owner"}),
    "revise a program": frozenset({"product_owner"}),
    "end a program": frozenset({"product_owner"}),
    "hold a program": LIFTED_BY["hold"],
    "halt a program": LIFTED_BY["suspended_insolvency"],
    # Which of them lifts what is looked at once it is known what stands.
    "resume a program": LIFTED_BY["hold"] | LIFTED_BY["suspended_insolvency"],
    "evaluate a program": frozenset({"product_owner", "analyst"}),
    # What it makes up for is counted one by one.
    "schedule evaluations": frozenset({"product_owner", "analyst"}),
    "read programs": _EVERYBODY,
    # Whose vote a gate takes is the gate's own rule.
    "decide at a gate": _EVERYBODY,
    # Whose signature an item takes is the item's own rule.
    "sign readiness": _EVERYBODY,
    "delegate": _EVERYBODY,
    "load a transaction log": frozenset({"product_owner", "analyst"}),
    "invite members": frozenset({"product_owner", "marketing", "operations", "member_service"}),
    "gather cohorts": frozenset({"product_owner", "marketing", "operations"}),
    # Whoever sees something go wrong pauses; what a guardrail holds, others than the owner release.
    "pause a rollout": frozenset({"product_owner", "operations", "operator"}),
    "release a rollout": frozenset({"operations"}),
    "abort a rollout": frozenset({"product_owner", "operations"}),
    "run a prototype": frozenset({"product_owner", "analyst"}),
    "serve members": frozenset({"member_service"}),
    "confirm points": frozenset({"member_service", "operations"}),
    "transfer points": frozenset({"member_service", "operations"}),
    "convert points": frozenset({"member_service", "operations"}),
    "correct points": frozenset({"operations", "finance"}),
    "stock rewards": frozenset({"product_owner", "operations"}),
    # Whoever corrects points must see which.
    "read members": frozenset({"member_service", "product_owner", "analyst", "operator", "operations", "finance"}),
    "check the ledger": frozenset({"product_owner", "finance", "operator", "analyst"}),
    "read the audit trail": frozenset({"product_owner", "finance", "legal", "operator"}),
    # They have addresses in them.
    "see to notices": frozenset({"operator", "operations", "product_owner"}),
    "read the books": frozenset({"finance", "product_owner", "analyst"}),
    "keep the books": frozenset({"finance"}),
    "manage API keys": frozenset({"product_owner", "operator"}),
}
ANYWHERE: frozenset[Action] = frozenset(
    {
        "start a program",
        "read programs",
        "decide at a gate",
        "delegate",
        "load a transaction log",
        "run a prototype",
        "manage API keys",
    }
)
"""What takes the role in any one program where the address names none: the route itself then looks at which program it is.
Everything else that names no program is about all of them, and takes the role for all."""
HUMAN_ONLY: frozenset[Action] = frozenset(
    {
        *("start a program", "revise a program", "end a program", "hold a program", "halt a program", "resume a program"),
        *("release a rollout", "abort a rollout", "decide at a gate", "sign readiness", "delegate", "manage API keys"),
    }
)
"""What no API key may: behind four eyes there must be two persons, and who makes a key would be a third."""
RATE_LIMITED: dict[Action, Expensive] = {
    "run a prototype": "prototypes",
    "evaluate a program": "evaluations",
    "check the ledger": "ledger",
}
"""What is so expensive that nobody may ask for it without end."""

_bearer = HTTPBearer(auto_error=False, description="A token of the issuer, or an API key")


async def caller(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Principal:
    """Who asks. Raises TokenMissing, TokenRefused, IssuerUnreachable, TooManyRequests."""
    if credentials is None:
        raise TokenMissing
    known: Credentials = request.app.state.credentials
    address = request.client.host if request.client is not None else ""
    return await known.principal(credentials.credentials, address, request.app.state.services.engine)


Caller = Annotated[Principal, Depends(caller)]
"""Who asks, for a route that looks at many programs, or at one that its address does not name."""


def require(action: Action) -> Callable[[Request, Principal], Awaitable[Person]]:
    """A dependency that lets through only who may do this, to what the address names; what they may not see is not there.

    The person has the roles that hold for the address's program; where it names none, those that hold for all.
    """
    allowed, rate = PERMISSIONS[action], RATE_LIMITED.get(action)

    async def check(request: Request, principal: Caller) -> Person:
        program = _program_of(request.path_params)
        if program is not None:
            _check_sight(principal, action, program, request.path_params)
            roles = principal.roles.of(program)
        else:
            roles = principal.roles.everywhere
        if allowed.isdisjoint(principal.roles.anywhere if program is None and action in ANYWHERE else roles):
            raise _not_allowed(principal, action)
        if action in HUMAN_ONLY and principal.is_machine:
            raise NotForMachines(action)
        if rate is not None:
            rates: Rates = request.app.state.rates
            await rates.spend(rate, principal.id)
        return Person(id=principal.id, roles=roles)

    return check


def check_permission(principal: Principal, action: Action, program: str) -> None:
    """The same of a program that a request's body names, and that may not be there yet. Raises NotAllowed."""
    if PERMISSIONS[action].isdisjoint(principal.roles.of(program)):
        raise NotAllowed(principal.id, f"{action} ({program})", ", ".join(sorted(PERMISSIONS[action])))


def check_sees(principal: Principal, program: str, unknown: TenureError | None = None) -> None:
    """Raise that there is no such program (or what `unknown` says) where nothing of it may be shown to who asks."""
    if not principal.sees(program):
        raise unknown or ProgramUnknown(program)


def _program_of(address: Mapping[str, Any]) -> str | None:
    """The program that an address is about, by itself or by its gate; "" for a gate that is none of any program."""
    if (program := address.get("program")) is not None:
        return str(program)
    if (gate := address.get("gate")) is not None:
        return ids.program_of(gate) or ""
    return None


def _check_sight(principal: Principal, action: Action, program: str, address: Mapping[str, Any]) -> None:
    """Raise that what the address names is not there, in the words in which it would be said of what really is not."""
    if principal.sees(program):
        return
    if not principal.roles.anywhere:
        raise _not_allowed(principal, action)
    raise GateUnknown(address["gate"]) if "gate" in address else ProgramUnknown(program)


def _not_allowed(principal: Principal, action: Action) -> NotAllowed:
    return NotAllowed(principal.id, action, ", ".join(sorted(PERMISSIONS[action])))
