"""What is looked at: answers to requests that change nothing.

Starlette runs each in a thread, where it may wait for the storage or compute.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from headstock.checkpoints import Checkpoints
from headstock.errors import CommandError, UnknownTrialError
from headstock.exports import trials_csv
from headstock.plots.compare import plot_compared
from headstock.report import render_report
from headstock.report.page import figure
from headstock.scripts.belongings import Belongings
from headstock.scripts.folders import files_of
from headstock.scripts.logs import log_lines
from headstock.storage import Storage
from headstock.trial import TrialRecord, TrialState
from headstock.web import judging, views
from headstock.web.artifacts import listing, search
from headstock.web.live import events, summaries
from headstock.web.opened import FIGURES, SUMMARY, Shelf, offered
from headstock.web.ordering import BY_AGE
from headstock.web.requests import BadRequestError, experiment_of, experiments_of, number, text, trial_of
from headstock.web.sending import Sending, answer

PAGE: Final = 50
LOG_LINES: Final = 200
LONGEST_LINE: Final = 2_000


@final
@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to requests that change nothing.

    Args:
        storage: what is shown.
        shelf: its experiments that were looked at last.
        folder: where the files of trials lie, if not beside the storage's own.
        is_closing: whether the server is about to end.
    """

    storage: Storage
    shelf: Shelf
    folder: Path | None
    is_closing: Callable[[], bool]

    def experiments(self, _: Request) -> Response:
        """Every experiment in one line."""
        found = [views.summary(s) for s in self.storage.experiments()]
        return JSONResponse({"experiments": found, "storage": self.storage.url})

    def experiment(self, request: Request) -> Response:
        """An experiment without its trials."""
        name = experiment_of(request)
        [found] = summaries(self.storage, [name])
        told = views.summary(found) | views.specification(found.spec, self.storage.notes(name).get(None))
        told |= {"start": views.start(found.spec, self.storage.url), "figures": offered(found.spec)}
        return JSONResponse(told)

    def trials(self, request: Request) -> Response:
        """A page of trials, and of how many; by age without words the storage finds it, and does not count them."""
        name, offset, asked = experiment_of(request), number(request, "offset", 0), request.query_params
        column, words, down = asked.get("order", BY_AGE), asked.get("words", "").strip(), "ascending" not in asked
        try:
            states = [TrialState(state) for state in asked.getlist("state")] or None
        except ValueError as error:
            raise BadRequestError(str(error)) from error
        notes, count = self.storage.notes(name), None
        found: Sequence[TrialRecord]
        if column == BY_AGE and not words:
            found = self.storage.page(name, offset=offset, limit=PAGE, newest_first=down, states=states)
        else:
            wanted = {"column": column, "descending": down, "states": states, "words": words}
            found, count = self.shelf.get(name).trials(notes, page=slice(offset, offset + PAGE), **wanted)
        rows = [views.row(trial, notes.get(trial.index)) for trial in found]
        return JSONResponse({"trials": rows, "limit": PAGE, "count": count})

    def trial(self, request: Request) -> Response:
        """Everything about one trial, without reading the others."""
        name, index = trial_of(request)
        found = self.storage.page(name, offset=index, limit=1, newest_first=False)
        if not found:
            raise UnknownTrialError(f"{name!r} has no trial {index}.")
        files = self._files(name)
        saved = None if files is None else Checkpoints(files).saved(index)
        return JSONResponse(views.page_of(found[0], self.storage.notes(name).get(index), saved))

    def metrics(self, request: Request) -> Response:
        """The metrics that a form for a result asks for."""
        name = experiment_of(request)
        newest = self.storage.page(name, limit=PAGE, states=[TrialState.COMPLETED])
        return JSONResponse(views.measured(self.storage.experiment(name), newest))

    def beliefs(self, request: Request) -> Response:
        """What the model makes of one trial."""
        name, index = trial_of(request)
        return JSONResponse(self.shelf.get(name).beliefs(index))

    def log(self, request: Request) -> Response:
        """The end of what one trial printed."""
        name, index = trial_of(request)
        lines = []
        with suppress(CommandError):  # there is none
            lines = [line[:LONGEST_LINE] for line in log_lines(self._files(name), index, last=LOG_LINES)]
        return JSONResponse({"lines": lines, "limit": LOG_LINES})

    def artifacts(self, request: Request) -> Response:
        """The files that one trial has left."""
        name, index = trial_of(request)
        return JSONResponse(listing(self._files(name), index))

    def artifact(self, request: Request) -> Sending | Response:
        """One of these files, by the key that the list has of it."""
        (name, index), key = trial_of(request), text(request, "artifact")
        found = search(self._files(name), index, key)
        if found is None:
            return JSONResponse({"error": "This file is gone."}, HTTPStatus.NOT_FOUND)
        return answer(request, found)

    def csv(self, request: Request) -> Response:
        """Every trial as comma-separated values."""
        table = trials_csv(self.shelf.get(experiment_of(request)).history)
        return _download(table, "trials.csv", "text/csv")

    def report(self, request: Request) -> Response:
        """The report."""
        name = experiment_of(request)
        opened, notes = self.shelf.get(name), self.storage.notes(name)
        page = render_report(opened.history, title=name, notes=notes, sampler=opened.experiment.sampler)
        return _download(page, "report.html", "text/html")

    def figure(self, request: Request) -> Response:
        """A figure, drawn from the newest history; or the summary."""
        name, wanted = experiment_of(request), text(request, "figure")
        if wanted not in (SUMMARY, *FIGURES):
            raise BadRequestError(f"There is no figure {wanted!r}.")
        return JSONResponse(self.shelf.get(name).figure(wanted))

    def compare(self, request: Request) -> Response:
        """The best so far of several experiments."""
        histories = {name: self.shelf.get(name).history for name in experiments_of(request)}
        html, data = figure("compared", plot_compared(histories))
        return JSONResponse({"html": html, "data": data})

    def pair(self, request: Request) -> Response:
        """The two trials that a person is to compare, and what was said so far."""
        name, skipped = experiment_of(request), request.query_params.getlist("skip")
        return JSONResponse(judging.asked(self.shelf.get(name).history, self.storage.notes(name), skipped))

    def belongings(self, request: Request) -> Response:
        """What would be lost with an experiment, in words."""
        found = Belongings.of(self.storage, experiment_of(request), self.folder)
        return JSONResponse({"words": str(found), "led": len(found.led)})

    def events(self, request: Request) -> Response:
        """What changes from now on in some experiments, or in all, as server-sent events."""
        names = experiments_of(request)
        for name in names:
            self.storage.experiment(name)  # an unknown one is refused before the stream begins

        async def is_over() -> bool:
            return self.is_closing() or await request.is_disconnected()

        news = events(self.storage, names or None, is_over)
        return StreamingResponse(news, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    def _files(self, name: str) -> Path | None:
        """Where the files of an experiment lie: a path that derives from the storage's URL and the experiment."""
        return files_of(self.storage.url, self.storage.experiment(name), self.folder)


def _download(content: str, name: str, kind: str) -> Response:
    """An answer that a browser keeps as a file; the name is ours, not an experiment's."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
