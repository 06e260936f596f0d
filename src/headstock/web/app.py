"""The routes of the dashboard."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, final

from plotly.offline import get_plotlyjs, get_plotlyjs_version
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from headstock.budget import BOUNDS, Budget
from headstock.checkpoints import Checkpoints
from headstock.errors import (
    CommandError,
    HeadstockError,
    TrialStateError,
    UnknownExperimentError,
    UnknownTrialError,
)
from headstock.experiment import Experiment
from headstock.exports import trials_csv
from headstock.plots import style
from headstock.plots.compare import plot_compared
from headstock.report import render_report
from headstock.report.page import figure
from headstock.scalars import is_number, is_whole
from headstock.scripts import belongings
from headstock.scripts.belongings import Belongings
from headstock.scripts.folders import files_of
from headstock.scripts.logs import log_lines
from headstock.scripts.plan import Settings, make_design
from headstock.specification import new_spec
from headstock.storage import Storage
from headstock.storage.records import ExperimentSummary
from headstock.trial import Comparison, Failed, TrialRecord, TrialState
from headstock.web import judging, views
from headstock.web.artifacts import listing, search
from headstock.web.guard import Guard
from headstock.web.live import events
from headstock.web.opened import FIGURES, SUMMARY, Shelf, offered
from headstock.web.ordering import BY_AGE
from headstock.web.sending import Sending, answer

PAGE: Final = 50
MOST_COMPARED: Final = 8
LARGEST_BODY: Final = 1_000_000
LOG_LINES: Final = 200
LONGEST_LINE: Final = 2_000
KINDS: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}


def create_app(
    storage: Storage,
    *,
    token: str | None = None,
    folder: Path | None = None,
    is_closing: Callable[[], bool] = lambda: False,
    clock: Callable[[], float],
) -> Starlette:
    """The dashboard of a storage.

    Args:
        storage: what it shows.
        token: what a browser has to show; None if the dashboard is reached on the loopback address only.
        folder: where the files of trials lie, if not beside the storage's own.
        is_closing: whether the server is about to end, so that streams have to.
        clock: the seconds since 1970, UTC.
    """
    dashboard = Dashboard(storage, folder, is_closing, clock)
    routes = [
        Route("/", dashboard.page),
        Route("/static/{name}", dashboard.static),
        Route("/api/experiments", dashboard.experiments),
        Route("/api/experiment", dashboard.experiment),
        Route("/api/trials", dashboard.trials),
        Route("/api/trial", dashboard.trial),
        Route("/api/metrics", dashboard.metrics),
        Route("/api/beliefs", dashboard.beliefs),
        Route("/api/log", dashboard.log),
        Route("/api/artifacts", dashboard.artifacts),
        Route("/api/artifact", dashboard.artifact),
        Route("/api/csv", dashboard.csv),
        Route("/api/report", dashboard.report),
        Route("/api/figure", dashboard.figure),
        Route("/api/compare", dashboard.compare),
        Route("/api/events", dashboard.events),
        Route("/api/pair", dashboard.pair),
        Route("/api/prefer", dashboard.prefer, methods=["POST"]),
        Route("/api/back", dashboard.take_back, methods=["POST"]),
        Route("/api/ask", dashboard.ask, methods=["POST"]),
        Route("/api/tell", dashboard.tell, methods=["POST"]),
        Route("/api/enqueue", dashboard.enqueue, methods=["POST"]),
        Route("/api/retry", dashboard.retry, methods=["POST"]),
        Route("/api/stop", dashboard.stop, methods=["POST"]),
        Route("/api/pause", dashboard.pause, methods=["POST"]),
        Route("/api/unpause", dashboard.unpause, methods=["POST"]),
        Route("/api/abandon", dashboard.abandon, methods=["POST"]),
        Route("/api/note", dashboard.note, methods=["POST"]),
        Route("/api/budget", dashboard.budget, methods=["POST"]),
        Route("/api/widen", dashboard.widen, methods=["POST"]),
        Route("/api/belongings", dashboard.belongings),
        Route("/api/create", dashboard.create, methods=["POST"]),
        Route("/api/rename", dashboard.rename, methods=["POST"]),
        Route("/api/delete", dashboard.delete, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={HeadstockError: _refused, BadRequestError: _refused},
    )


class BadRequestError(ValueError):
    """A request that lacks something, or has it in another form."""


@final
@dataclass(frozen=True)
class Dashboard:
    """Answers to requests.

    Args:
        storage: what is shown.
        folder: where the files of trials lie, if not beside the storage's own.
        is_closing: whether the server is about to end.
        clock: the seconds since 1970, UTC.
    """

    storage: Storage
    folder: Path | None
    is_closing: Callable[[], bool]
    clock: Callable[[], float]

    @cached_property
    def shelf(self) -> Shelf:
        """The experiments that were looked at last."""
        return Shelf(self.storage)

    @cached_property
    def assets(self) -> Mapping[str, tuple[bytes, str]]:
        """The static files, by name, with their types."""
        ours, shared = files("headstock.web").joinpath("static"), files("headstock.report")
        found = {file.name: (file.read_bytes(), KINDS[Path(file.name).suffix]) for file in ours.iterdir()}
        found["page.css"] = (shared.joinpath("page.css").read_bytes(), "text/css")
        found["figures.js"] = (shared.joinpath("figures.js").read_bytes(), "text/javascript")
        found["plotly.js"] = (get_plotlyjs().encode(), "text/javascript")
        templates = {"light": style.template(), "dark": style.template(dark=True)}
        found["templates.json"] = (json.dumps(templates).encode(), "application/json")
        return found

    async def page(self, _: Request) -> Response:
        """The one page, which shows what its address says."""
        content, kind = self.assets["index.html"]
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    async def static(self, request: Request) -> Response:
        """A static file: one of those that are held, never a path."""
        name = request.path_params["name"]
        if name not in self.assets:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        content, kind = self.assets[name]
        tag = f'"{get_plotlyjs_version() if name == "plotly.js" else hashlib.sha256(content).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED)
        return Response(content, media_type=kind, headers={"ETag": tag, "Cache-Control": "no-cache"})

    async def experiments(self, _: Request) -> Response:
        """Every experiment in one line."""
        found = await run_in_threadpool(self.storage.experiments)
        return JSONResponse({"experiments": [views.summary(s) for s in found], "storage": self.storage.url})

    async def experiment(self, request: Request) -> Response:
        """An experiment without its trials."""
        name = _given(request, "experiment")
        found = await run_in_threadpool(self._summary, name)
        notes = await run_in_threadpool(self.storage.notes, name)
        told = views.summary(found) | views.specification(found.spec, notes.get(None))
        told |= {"start": views.start(found.spec, self.storage.url)}
        return JSONResponse(told | {"figures": offered(found.spec)})

    async def trials(self, request: Request) -> Response:
        """A page of trials, and of how many; by age without words the storage finds it, and does not count them."""
        name, offset, asked = _given(request, "experiment"), _number(request, "offset", 0), request.query_params
        column, words, down = asked.get("order", BY_AGE), asked.get("words", "").strip(), "ascending" not in asked
        try:
            states = [TrialState(state) for state in asked.getlist("state")] or None
        except ValueError as error:
            raise BadRequestError(str(error)) from error

        def look() -> dict[str, Any]:
            notes, count = self.storage.notes(name), None
            found: Sequence[TrialRecord]
            if column == BY_AGE and not words:
                found = self.storage.page(name, offset=offset, limit=PAGE, newest_first=down, states=states)
            else:
                wanted = {"column": column, "descending": down, "states": states, "words": words}
                found, count = self.shelf.get(name).trials(notes, page=slice(offset, offset + PAGE), **wanted)
            return {"trials": [views.row(t, notes.get(t.index)) for t in found], "limit": PAGE, "count": count}

        return JSONResponse(await run_in_threadpool(look))

    async def trial(self, request: Request) -> Response:
        """Everything about one trial."""

        def look(name: str, index: int) -> dict[str, Any]:
            record, folder = self._record(name, index), self._files(name)
            saved = None if folder is None else Checkpoints(folder).saved(index)
            return views.page_of(record, self.storage.notes(name).get(index), saved)

        return JSONResponse(
            await run_in_threadpool(look, _given(request, "experiment"), _number(request, "trial")),
        )

    async def metrics(self, request: Request) -> Response:
        """The metrics that a form for a result asks for."""

        def look(name: str) -> dict[str, list[str]]:
            newest = self.storage.page(name, limit=PAGE, states=[TrialState.COMPLETED])
            return views.measured(self.storage.experiment(name), newest)

        return JSONResponse(await run_in_threadpool(look, _given(request, "experiment")))

    async def beliefs(self, request: Request) -> Response:
        """What the model makes of one trial."""
        name, index = _given(request, "experiment"), _number(request, "trial")
        return JSONResponse(await run_in_threadpool(lambda: self.shelf.get(name).beliefs(index)))

    async def log(self, request: Request) -> Response:
        """The end of what one trial printed."""

        def read(name: str, index: int) -> list[str]:
            try:
                return [line[:LONGEST_LINE] for line in log_lines(self._files(name), index, last=LOG_LINES)]
            except CommandError:  # there is none
                return []

        lines = await run_in_threadpool(read, _given(request, "experiment"), _number(request, "trial"))
        return JSONResponse({"lines": lines, "limit": LOG_LINES})

    async def artifacts(self, request: Request) -> Response:
        """The files that one trial has left."""
        name, index = _given(request, "experiment"), _number(request, "trial")
        return JSONResponse(await run_in_threadpool(lambda: listing(self._files(name), index)))

    async def artifact(self, request: Request) -> Sending | Response:
        """One of these files, by the key that the list has of it."""
        name, index, key = _given(request, "experiment"), _number(request, "trial"), _given(request, "artifact")
        found = await run_in_threadpool(lambda: search(self._files(name), index, key))
        if found is None:
            return JSONResponse({"error": "This file is gone."}, HTTPStatus.NOT_FOUND)
        return answer(request, found)

    async def csv(self, request: Request) -> Response:
        """Every trial as comma-separated values, as a file."""
        name = _given(request, "experiment")
        text = await run_in_threadpool(lambda: trials_csv(self.shelf.get(name).history))
        return Response(text, media_type="text/csv", headers=_as_file("trials.csv"))

    async def report(self, request: Request) -> Response:
        """The report, as a file."""
        name = _given(request, "experiment")

        def written() -> str:
            opened = self.shelf.get(name)
            sampler = opened.experiment.sampler
            return render_report(opened.history, title=name, notes=self.storage.notes(name), sampler=sampler)

        text = await run_in_threadpool(written)
        return Response(text, media_type="text/html", headers=_as_file("report.html"))

    async def figure(self, request: Request) -> Response:
        """A figure, drawn from the newest history; or the summary."""
        name, wanted = _given(request, "experiment"), _given(request, "figure")
        if wanted not in (SUMMARY, *FIGURES):
            raise BadRequestError(f"There is no figure {wanted!r}.")
        return JSONResponse(await run_in_threadpool(lambda: self.shelf.get(name).figure(wanted)))

    async def compare(self, request: Request) -> Response:
        """The best so far of several experiments."""
        names = _named(request)

        def draw() -> dict[str, Any]:
            html, data = figure("compared", plot_compared({n: self.shelf.get(n).history for n in names}))
            return {"html": html, "data": data}

        return JSONResponse(await run_in_threadpool(draw))

    async def events(self, request: Request) -> Response:
        """What changes from now on in some experiments, or in all, as server-sent events."""
        names = _named(request)
        for name in names:
            await run_in_threadpool(self.storage.experiment, name)

        async def is_over() -> bool:
            return self.is_closing() or await request.is_disconnected()

        return StreamingResponse(
            events(self.storage, names or None, is_over),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def ask(self, request: Request) -> Response:
        """Suggest a trial for a person to evaluate; what is queued comes first."""

        def act(experiment: Experiment, _: Mapping[str, Any]) -> TrialRecord:
            return self._record(experiment.name, experiment.ask().index)

        return await self._act(request, act)

    async def tell(self, request: Request) -> Response:
        """Keep the result of a trial that a person evaluates, or has evaluated while it was still queued."""

        def act(experiment: Experiment, given: Mapping[str, Any]) -> TrialRecord:
            metrics, reason = given.get("metrics"), given.get("failed")
            if isinstance(reason, str) and reason.strip() and metrics is None:
                return experiment.tell(_index(given), Failed(reason))
            if not isinstance(metrics, dict) or reason is not None:
                raise BadRequestError("Give either the metrics, or why it failed.")
            return experiment.tell(_index(given), metrics)

        return await self._act(request, act)

    async def pair(self, request: Request) -> Response:
        """The two trials that a person is to compare, and what was said so far."""
        name, skipped = _given(request, "experiment"), request.query_params.getlist("skip")

        def look() -> dict[str, Any]:
            return judging.asked(self.shelf.get(name).history, self.storage.notes(name), skipped)

        return JSONResponse(await run_in_threadpool(look))

    async def prefer(self, request: Request) -> Response:
        """Keep that a person finds a trial better than others."""

        def act(experiment: Experiment, given: Mapping[str, Any]) -> Comparison:
            try:
                worse = judging.others(given)
            except ValueError as error:
                raise BadRequestError(str(error)) from error
            return experiment.prefer(_index(given), over=worse)

        return await self._act(request, act)

    async def take_back(self, request: Request) -> Response:
        """Take back what a person said: a page says what, for others may have judged meanwhile."""

        def act(experiment: Experiment, given: Mapping[str, Any]) -> Comparison:
            try:
                said = judging.taken_back(given)
            except ValueError as error:
                raise BadRequestError(str(error)) from error
            return experiment.take_back(said)

        return await self._act(request, act)

    async def enqueue(self, request: Request) -> Response:
        """Queue a configuration; what is left out is suggested."""

        def act(experiment: Experiment, given: Mapping[str, Any]) -> TrialRecord:
            parameters = given.get("parameters")
            if not isinstance(parameters, dict):
                raise BadRequestError("Give the parameters.")
            return experiment.enqueue(parameters)

        return await self._act(request, act)

    async def retry(self, request: Request) -> Response:
        """Queue the configuration of a finished trial once more."""

        def act(experiment: Experiment, given: Mapping[str, Any]) -> TrialRecord:
            record = self._record(experiment.name, _index(given))
            if not record.state.is_finished:
                raise TrialStateError(f"Trial {record.index} is {record.state}. Wait until it has finished.")
            return experiment.enqueue(record.parameters)

        return await self._act(request, act)

    async def stop(self, request: Request) -> Response:
        """End a trial: what it has reported is its result."""
        return await self._act(request, lambda experiment, given: experiment.stop(_index(given)))

    async def pause(self, request: Request) -> Response:
        """Ask the process that runs a trial to save its state and leave it."""
        return await self._act(request, lambda experiment, given: experiment.pause(_index(given)))

    async def unpause(self, request: Request) -> Response:
        """Queue a paused trial."""
        return await self._act(request, lambda experiment, given: experiment.unpause(_index(given)))

    async def note(self, request: Request) -> Response:
        """Keep a note on a trial or on the experiment."""

        def act(experiment: Experiment, given: Mapping[str, Any]) -> None:
            text = given.get("text")
            if not isinstance(text, str):
                raise BadRequestError("Give the text of the note.")
            index = None if given.get("trial") is None else _index(given)
            experiment.note(text, index)

        return await self._act(request, act)

    async def budget(self, request: Request) -> Response:
        """Change bounds of the budget."""

        def act(experiment: Experiment, given: Mapping[str, Any]) -> None:
            bounds = given.get("bounds")
            if not isinstance(bounds, dict) or not all(map(_is_bound, bounds.items())):
                raise BadRequestError(f"Give the bounds as numbers by name: {', '.join(BOUNDS)}.")
            experiment.change_budget(Budget(**bounds) if bounds else None)

        return await self._act(request, act)

    async def abandon(self, request: Request) -> Response:
        """Give up a trial that waits, or that nobody's process runs."""

        def act(experiment: Experiment, given: Mapping[str, Any]) -> TrialRecord:
            record = self._record(experiment.name, _index(given))
            if record.state is TrialState.RUNNING and record.owner is not None:
                raise TrialStateError(f"Trial {record.index} is run by {record.owner}. Stop that process.")
            return experiment.abandon(record)

        return await self._act(request, act)

    async def widen(self, request: Request) -> Response:
        """Search wider ranges from now on."""

        def act(experiment: Experiment, given: Mapping[str, Any]) -> None:
            try:
                ranges = views.ranges(given.get("ranges") or {})
            except (AttributeError, OverflowError, TypeError, ValueError) as error:
                raise BadRequestError("Give the ranges as {parameter: [low, high]}.") from error
            experiment.widen(ranges)

        return await self._act(request, act)

    async def belongings(self, request: Request) -> Response:
        """What would be lost with an experiment, in words."""
        name = _given(request, "experiment")
        found = await run_in_threadpool(Belongings.of, self.storage, name, self.folder)
        return JSONResponse({"words": str(found), "led": len(found.led)})

    async def create(self, request: Request) -> Response:
        """Create an experiment, which waits for workers: what evaluates it is never stored."""

        def act(given: Mapping[str, Any]) -> str:
            design = make_design(Settings(given))
            self.storage.create(
                new_spec(
                    design.name,
                    design.space,
                    maximize=design.maximize,
                    minimize=design.minimize,
                    judged=design.judged,
                    outcome_constraints=design.outcome_constraints,
                    budget=design.budget,
                    seed=design.seed,
                    created=self.clock(),
                )
            )
            return design.name

        name = await run_in_threadpool(act, await _body(request))
        return JSONResponse({"name": name}, HTTPStatus.CREATED)

    async def rename(self, request: Request) -> Response:
        """Give an experiment another name."""

        def act(name: str, given: Mapping[str, Any]) -> None:
            new = given.get("name")
            if not isinstance(new, str):
                raise BadRequestError("Give the new name.")
            belongings.rename(self.storage, name, new, self.folder)

        return await self._do(request, act)

    async def delete(self, request: Request) -> Response:
        """Delete an experiment, if its name was typed."""

        def act(name: str, given: Mapping[str, Any]) -> None:
            if given.get("typed") != name:
                raise BadRequestError("Type the name of the experiment, as it is written.")
            belongings.delete(self.storage, name, self.folder)

        return await self._do(request, act)

    async def _act(
        self, request: Request, act: Callable[[Experiment, Mapping[str, Any]], TrialRecord | Comparison | None]
    ) -> Response:
        """Do what a page asks for with an experiment, and answer with what it gave."""

        def alone(name: str, given: Mapping[str, Any]) -> TrialRecord | Comparison | None:
            with self.shelf.get(name).alone() as experiment:
                return act(experiment, given)

        return await self._do(request, alone)

    async def _do(
        self, request: Request, act: Callable[[str, Mapping[str, Any]], TrialRecord | Comparison | None]
    ) -> Response:
        """Do what a page asks for, and answer with the trial, or with what was said of trials."""
        given = await _body(request)
        name = given.get("experiment")
        if not isinstance(name, str):
            raise BadRequestError("Name the experiment.")
        done = await run_in_threadpool(act, name, given)
        if isinstance(done, Comparison):
            return JSONResponse({"said": done.to_json()})
        return JSONResponse({} if done is None else views.row(done))

    def _summary(self, name: str) -> ExperimentSummary:
        for found in self.storage.experiments():
            if found.spec.name == name:
                return found
        raise UnknownExperimentError(f"There is no experiment {name!r}.")

    def _files(self, name: str) -> Path | None:
        """Where the files of an experiment lie: a path that derives from the storage's URL and the experiment."""
        return files_of(self.storage.url, self.storage.experiment(name), self.folder)

    def _record(self, name: str, index: int) -> TrialRecord:
        """A trial, without reading the others."""
        for found in self.storage.page(name, offset=index, limit=1, newest_first=False):
            return found
        raise UnknownTrialError(f"{name!r} has no trial {index}.")


async def _refused(_: Request, error: Exception) -> Response:
    missing = isinstance(error, UnknownExperimentError | UnknownTrialError)
    status = HTTPStatus.NOT_FOUND if missing else HTTPStatus.BAD_REQUEST
    return JSONResponse({"error": str(error)}, status)


async def _body(request: Request) -> dict[str, Any]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise BadRequestError("The request is too large.")
    try:
        given = json.loads(body)
    except ValueError as error:
        raise BadRequestError("The request is no JSON.") from error
    if not isinstance(given, dict):
        raise BadRequestError("The request is no JSON object.")
    return given


def _given(request: Request, what: str) -> str:
    value = request.query_params.get(what)
    if value is None:
        raise BadRequestError(f"Name the {what}.")
    return value


def _named(request: Request) -> list[str]:
    """The experiments that a request names, each once, at most eight."""
    return list(dict.fromkeys(request.query_params.getlist("experiment")))[:MOST_COMPARED]


def _number(request: Request, what: str, default: int | None = None) -> int:
    value = request.query_params.get(what)
    if value is None and default is not None:
        return default
    if value is None or not value.isdecimal() or len(value) > 9:
        raise BadRequestError(f"Give the {what} as a number.")
    return int(value)


def _as_file(name: str) -> dict[str, str]:
    """Headers of an answer that a browser keeps as a file; the name is ours, not an experiment's."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _is_bound(given: tuple[str, object]) -> bool:
    name, value = given
    return name in BOUNDS and is_number(value) and (isinstance(value, int) or name not in ("trials", "steps"))


def _index(given: Mapping[str, Any]) -> int:
    index = given.get("trial")
    if not is_whole(index, 0):
        raise BadRequestError("Name the trial by its number.")
    return index
