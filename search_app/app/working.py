"""Runs long work as a job: the same request here, or in a process of its own."""

from typing import Any

from ingest.progress import Report, unheard
from search_app.app.guarding import require_request
from search_app.app.learning import Learning
from search_app.app.loading import Loading
from search_app.app.measuring import Measuring
from search_app.catalog.jobs import Job
from search_app.request_kinds import Request, kind_of, request_of
from search_app.requests import (
    ArrangeRequest,
    CompareRequest,
    EvaluateRequest,
    IngestRequest,
    LearnRequest,
    MineRequest,
    PreviewRequest,
    ReindexRequest,
    TrainRequest,
    TuneRequest,
)


class Working(Loading, Measuring, Learning):
    """The verbs about jobs."""

    def run(self, request: Request, listen: Report = unheard) -> Any:
        """Does long work as a job in this process; one that was stopped before with the same request is taken up."""
        return self.run_job(self.jobs.take_up(kind_of(request), request), listen)

    def start(self, request: Request) -> Job:
        """Starts long work as a job in a process of its own, and returns at once."""
        job = self.jobs.take_up(kind_of(request), request)
        self.jobs.spawn(job, user=self.user)
        return job

    def run_job(self, job: Job, listen: Report = unheard) -> Any:
        """Runs a job that was created before; used by the process that `start` makes."""
        request = request_of(job.kind, job.arguments)
        return self.jobs.run(job, lambda report: self._do(request, report, job), listen=listen)

    def resume(self, job_id: str) -> Job:
        """Starts a job again that was stopped or failed, in a process of its own; what it did before stays done."""
        known = self.jobs.view(job_id).job
        require_request(self, request_of(known.kind, known.arguments))
        job = self.jobs.again(job_id)
        self.jobs.spawn(job, user=self.user)
        return job

    def cancel_job(self, job_id: str) -> Job:
        """Asks a job to stop at the next edge of a batch; what it did so far stays.

        Raises:
            UsageError: It has ended already.
        """
        return self.jobs.cancel(job_id)

    def job_log(self, job_id: str) -> str:
        """The end of what a job's process printed."""
        return self.jobs.log(job_id)

    def _do(self, request: Request, report: Report, job: Job) -> Any:
        match request:
            case IngestRequest():
                return self.ingest(request, report)
            case TrainRequest():
                return self.train(request, report, folder=self.jobs.folder(job.id))
            case MineRequest():
                return self.mine(request, report, folder=self.jobs.folder(job.id))
            case EvaluateRequest():
                return self.evaluate(request, report)
            case CompareRequest():
                return self.compare(request, report)
            case TuneRequest():
                return self.tune(request, report)
            case LearnRequest():
                return self.learn(request, report, folder=self.jobs.folder(job.id))
            case PreviewRequest():
                terms = self.terms(queries=request.queries, qrels=request.qrels)
                return self.preview(request.collection, request.encoder, terms, report)
            case ArrangeRequest():
                return self.arrange(request, report)
            case ReindexRequest():
                return self.reindex(request, report, folder=self.jobs.folder(job.id))
