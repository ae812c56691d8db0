"""Reports: what a program has come to, from the store and the ledger."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends

from api.people import may
from api.reading import ReadAgain
from api.services import WithServices
from domain.stages import product_status
from store import evidence, gates, members, programs, redemptions

router = APIRouter(prefix="/programs/{program}", tags=["reports"], route_class=ReadAgain)


@router.get("/report", dependencies=[Depends(may("read programs"))])
async def report(program: str, services: WithServices) -> dict[str, Any]:
    """The program's whole life so far: stages, decisions, evidence, waves, members, points, evaluations."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        found: dict[str, Any] = {
            "program": record.model_dump(mode="json") | {"product_status": product_status(record.stage)},
            "stages": _dumped(await programs.stages(connection, program)),
            "revisions": _dumped(await programs.revisions(connection, program)),
            "decisions": _dumped(await gates.decisions(connection, program)),
            "gates": [
                state.model_dump(mode="json", include={"id", "gate", "opened_at", "due", "outcome", "decided_at"})
                for state in await gates.listed(connection, program, open_only=False)
            ],
            "prototypes": _dumped(await evidence.prototypes(connection, program)),
            "tests": _dumped(await evidence.tests(connection, program)),
            "waves": _dumped(await programs.waves(connection, program)),
            "members": await members.counts(connection, program),
            "movement": await members.movement(connection, program),
            "interventions": await members.interventions(connection, program),
            "redemptions": await redemptions.counts(connection, program),
            "evaluations": _dumped(await evidence.evaluations(connection, program)),
        }
    found["points"] = _dumped(await services.ledger.totals(program))
    lifetime = await services.ledger.window_figures(program, record.started_at, datetime.now(UTC))
    found["lifetime"] = lifetime.model_dump(mode="json", exclude={"changed", "spread"})
    found["ledger_check"] = (await services.ledger.check(program)).model_dump(mode="json")
    return found


def _dumped(records: Any) -> list[dict[str, Any]]:
    return [record.model_dump(mode="json") for record in records]
