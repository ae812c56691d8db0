"""The demo's time scale: converts between instants of the log and real instants, by one factor."""

from datetime import UTC, datetime, timedelta


class Timeline:
    """Until the launch, the log's clock stands at the launch's instant; from then on it runs by the factor."""

    def __init__(self, begins: datetime, factor: float) -> None:
        """`begins`: the instant of the log at which the program is launched; `factor`: the speed relative to real time."""
        self.begins = begins
        self.factor = factor
        self._launched: datetime | None = None

    def launch(self, at: datetime) -> None:
        """Note the real instant of the launch."""
        self._launched = at

    @property
    def launched(self) -> datetime | None:
        return self._launched

    def now(self) -> datetime:
        """The log's present instant."""
        if self._launched is None:
            return self.begins
        return self.begins + (datetime.now(UTC) - self._launched) * self.factor

    def real(self, instant: datetime) -> datetime:
        """The real instant for an instant of the log."""
        assert self._launched is not None, "nothing falls due before the launch"
        return self._launched + (instant - self.begins) / self.factor

    def until(self, instant: datetime) -> float:
        """Seconds until an instant of the log falls due; negative once it has."""
        return (self.real(instant) - datetime.now(UTC)) / timedelta(seconds=1)
