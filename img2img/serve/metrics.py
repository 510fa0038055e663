"""What operators watch: requests, seconds and pixels by task and outcome, and how many wait."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST as MEDIA_TYPE

from img2img.serve.jobs import Job

__all__ = ["MEDIA_TYPE", "Metrics"]

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The figures of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        labels = ("task", "outcome")
        self._requests = Counter("img2img_requests", "Pictures asked for", labels, registry=self.registry)
        self._seconds = Histogram("img2img_seconds", "Seconds of computation", labels, buckets=SECONDS, registry=self.registry)
        self._pixels = Counter("img2img_pixels", "Pixels of pictures sent", labels, registry=self.registry)
        self._waiting = Gauge("img2img_waiting", "Requests that wait or are being received", registry=self.registry)
        self._running = Gauge("img2img_running", "Pictures that are being computed", registry=self.registry)

    def ended(self, job: Job) -> None:
        """Count ``job``."""
        labels = job.asked.task.name, job.status
        self._requests.labels(*labels).inc()
        self._seconds.labels(*labels).observe(job.seconds)
        self._pixels.labels(*labels).inc(job.asked.probe.width * job.asked.probe.height)

    def refused(self, task: str) -> None:
        """Count a request for ``task`` that was answered by a problem at once."""
        self._requests.labels(task, "refused").inc()

    def text(self, waiting: int, running: bool) -> bytes:
        """All figures, as Prometheus reads them."""
        self._waiting.set(waiting)
        self._running.set(running)
        return generate_latest(self.registry)
