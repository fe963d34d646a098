"""What `decide` is told: what was seen of an objective, with what is known here alone."""

from __future__ import annotations

from datetime import datetime

from bot.control.instance import Instance
from bot.control.own_writes import correct
from bot.control.room import Memory, Room
from bot.control.sight import Sight
from bot.control.turns import Turns
from bot.engines.engine import Engine
from bot.model.identity import ObjectiveKey, SessionId
from bot.model.observed import Observation
from bot.model.snapshot import Snapshot


class Snapshots:
    """Makes snapshots for one instance of the server. `draining`: it is about to stop."""

    def __init__(self, instance: Instance, engine: Engine, turns: Turns) -> None:
        self._instance = instance
        self._clock = instance.clock
        self._settle = instance.settle
        self._engine = engine
        self._turns = turns
        self._started = instance.clock()
        self.draining = False

    def of(self, room: Room, memory: Memory, sight: Sight) -> Snapshot:
        """What `sight` shows, with what was written since."""
        observed, hindrance = sight.observed, memory.unrecordable or self._instance.disk.hindrance()
        return Snapshot(
            repository=room.name,
            observed=correct(observed, memory.writes),
            ledger=memory.ledger,
            instance=room.lease.claims_as,
            bot=self._instance.bot,
            default_agent=self._instance.default_agent,
            agents=self._instance.agents,
            permissions=sight.permissions,
            reports=tuple(memory.reports.values()),
            running=self.running(room),
            neighbours=room.neighbours_of(observed.objective.number),
            elsewhere=room.elsewhere(observed.objective.number, self._clock()),
            free_slots=0 if sight.outdated or hindrance else self._engine.occupancy().free,
            free_by_role=self._turns.allowed(ObjectiveKey(room.name, observed.objective.number)),
            hindrance=hindrance,
            unwritable=self._instance.disk.unwritable() or memory.unrecordable is not None,
            absence_trusted=self._absence_trusted(room, memory, observed),
            refusals=memory.refusals,
            refused_writes=memory.refused_writes,
            config_problem=room.config_problem,
            wait=memory.wait or sight.wait,
            draining=self.draining,
        )

    def running(self, room: Room) -> frozenset[SessionId]:
        names = {room.name, *room.former}
        return frozenset(run.session for run in self._engine.running() if run.repository in names)

    def alone_since(self, room: Room) -> datetime:
        """Whatever was written here before may have been written by another instance."""
        return max(self._started, room.lease.others_until or self._started)

    def _absence_trusted(self, room: Room, memory: Memory, observed: Observation) -> bool:
        seen_at, alone_since = memory.observed_at, self.alone_since(room)
        if memory.uncertain_until is not None and seen_at < memory.uncertain_until:
            return False
        if seen_at >= alone_since + self._settle:
            return True
        labelling = observed.objective.labelling
        handed_off_since = labelling is not None and labelling.at > alone_since
        return (handed_off_since and memory.ledger is None) or self._all_ours(room, memory)

    def _all_ours(self, room: Room, memory: Memory) -> bool:
        """Whether everything ever done for the objective was done by this instance: then it remembers its writes."""
        sessions = memory.ledger.sessions if memory.ledger else ()
        return bool(sessions) and all(session.holder == room.lease.claims_as for session in sessions)
