"""One application with a Python exporter: /orders answers 200, /broken 500, /metrics what the exporter makes of it.

Usage: exporters.py prometheus_client | starlette | starlette-as-http | django. Prints the port that it listens on.
"""
import socket
import sys
import threading
import time


def prometheus_client(listener):
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from prometheus_client import Counter, Histogram, generate_latest

    requests = Counter("http_requests", "requests", ["method", "handler", "status"])
    seconds = Histogram("http_request_duration_seconds", "durations", ["handler"])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            began = time.perf_counter()
            status = 500 if self.path == "/broken" else 200
            body = generate_latest() if self.path == "/metrics" else b"ok"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            requests.labels("GET", self.path, str(status)).inc()
            seconds.labels(self.path).observe(time.perf_counter() - began)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.serve_forever()


def starlette(listener, **options):
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette_exporter import PrometheusMiddleware, handle_metrics

    async def orders(_):
        return PlainTextResponse("ok")

    async def broken(_):
        return PlainTextResponse("broken", status_code=500)

    app = Starlette(routes=[Route("/orders", orders), Route("/broken", broken), Route("/metrics", handle_metrics)])
    app.add_middleware(PrometheusMiddleware, **options)
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])


def django(listener):
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

    from django.conf import settings

    middleware = ["django_prometheus.middleware.PrometheusBeforeMiddleware", "django_prometheus.middleware.PrometheusAfterMiddleware"]
    settings.configure(
        ROOT_URLCONF="__main__", SECRET_KEY="of a test", ALLOWED_HOSTS=["*"], INSTALLED_APPS=["django_prometheus"], MIDDLEWARE=middleware
    )
    import django as framework

    framework.setup()
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import include, path

    globals()["urlpatterns"] = [
        path("orders", lambda _: HttpResponse("ok"), name="orders"),
        path("broken", lambda _: HttpResponse("broken", status=500), name="broken"),
        path("", include("django_prometheus.urls")),
    ]

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    server = WSGIServer(("127.0.0.1", 0), Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = listener.getsockname()
    server.setup_environ()
    server.set_app(get_wsgi_application())
    server.serve_forever()


KINDS = {
    "prometheus_client": prometheus_client,
    "starlette": starlette,
    "starlette-as-http": lambda listener: starlette(listener, prefix="http"),
    "django": django,
}


def end_with_parent():
    """The test closes our input, also by dying."""
    sys.stdin.read()
    import os

    os._exit(0)


if __name__ == "__main__":
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    KINDS[sys.argv[1]](listener)
